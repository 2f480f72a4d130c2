from __future__ import annotations

import asyncio
from typing import Any

from meshdht.endpoint import Endpoint
from simulations.latency import fixed
from simulations.loop import VirtualClock, run
from simulations.network import DatagramNetwork

HERE, THERE = Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)


def deliveries(seed: int, **faults: Any) -> list[tuple[float, bytes]]:
    async def main() -> list[tuple[float, bytes]]:
        network = DatagramNetwork(seed, **faults)
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
    faults = {"loss": 0.2, "duplication": 0.1, "reordering": 0.1}
    assert deliveries(1, **faults) == deliveries(1, **faults)
    assert deliveries(1, **faults) != deliveries(2, **faults)


def test_datagrams_are_lost_and_doubled_as_told() -> None:
    assert len(deliveries(3)) == 200
    assert 80 < len(deliveries(3, loss=0.5)) < 120
    assert len(deliveries(3, duplication=1.0)) == 400


def test_datagrams_of_a_fixed_delay_stay_in_order_unless_told() -> None:
    ordered = [data for _, data in deliveries(4, latency=fixed(0.01))]
    assert ordered == sorted(ordered)
    mixed = [data for _, data in deliveries(4, latency=fixed(0.01), reordering=0.2)]
    assert mixed != ordered
    assert sorted(mixed) == ordered


def test_partitions_and_cut_links_let_nothing_through_until_they_end() -> None:
    async def main() -> None:
        network = DatagramNetwork(1)
        heard: list[bytes] = []
        network.attach(THERE, lambda data, source: heard.append(data))

        async def heard_after(datagram: bytes) -> bool:
            heard.clear()
            network.send(datagram, HERE, THERE)
            await asyncio.sleep(0.1)
            return heard == [datagram]

        network.partition([HERE.host], [THERE.host, "10.0.0.3"])
        assert not await heard_after(b"parted")
        network.partition([HERE.host, THERE.host], ["10.0.0.3"])
        assert await heard_after(b"same part")
        network.heal()
        network.cut(HERE.host, THERE.host)
        assert not await heard_after(b"cut")
        network.mend(THERE.host, HERE.host)
        assert await heard_after(b"mended")

    run(main())


def test_the_digest_covers_what_is_sent_when_and_what_becomes_of_it() -> None:
    async def digest(datagram: bytes, pause: float, loss: float) -> str:
        network = DatagramNetwork(1, loss=loss)
        await asyncio.sleep(pause)
        network.send(datagram, HERE, THERE)
        return network.digest

    runs = [(b"a", 1.0, 0.0), (b"b", 1.0, 0.0), (b"a", 2.0, 0.0), (b"a", 1.0, 1.0)]
    assert len({run(digest(*each)) for each in runs}) == 4
    assert run(digest(*runs[0])) == run(digest(*runs[0]))
