from __future__ import annotations

import asyncio
import time

import pytest

from meshdht.endpoint import Endpoint
from tests.support.virtual_time import UNIX_START, DatagramNetwork, VirtualClock, run

HERE, THERE = Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)


def test_an_hour_passes_in_no_time() -> None:
    async def main() -> tuple[float, float]:
        await asyncio.sleep(3600)
        return VirtualClock().monotonic(), VirtualClock(skew=-60).unix()

    began = time.perf_counter()
    assert run(main()) == (3600, UNIX_START + 3540)
    assert time.perf_counter() - began < 5


def test_a_run_with_nothing_left_to_happen_fails_instead_of_hanging() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nothing is scheduled"):
        run(main())


def deliveries(seed: int, loss: float, duplication: float) -> list[tuple[float, bytes]]:
    async def main() -> list[tuple[float, bytes]]:
        network = DatagramNetwork(seed, loss=loss, duplication=duplication)
        got: list[tuple[float, bytes]] = []
        clock = VirtualClock()
        network.attach(THERE, lambda data, source: got.append((clock.monotonic(), data)))
        for number in range(200):
            network.send(bytes([number]), HERE, THERE)
        network.send(b"nobody", HERE, HERE)
        await asyncio.sleep(1)
        return got

    return run(main())


def test_the_same_seed_gives_the_same_run() -> None:
    assert deliveries(1, 0.2, 0.1) == deliveries(1, 0.2, 0.1)
    assert deliveries(1, 0.2, 0.1) != deliveries(2, 0.2, 0.1)


def test_datagrams_are_lost_and_doubled_as_told() -> None:
    assert len(deliveries(3, 0.0, 0.0)) == 200
    assert 80 < len(deliveries(3, 0.5, 0.0)) < 120
    assert len(deliveries(3, 0.0, 1.0)) == 400
