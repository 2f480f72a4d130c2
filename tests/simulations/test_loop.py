from __future__ import annotations

import asyncio
import time

import pytest

from simulations.loop import UNIX_START, VirtualClock, VirtualTimeLoop, alone, run


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


def test_what_is_due_at_one_moment_comes_in_the_order_in_which_it_was_scheduled() -> None:
    async def main() -> list[int]:
        order: list[int] = []
        loop = asyncio.get_running_loop()
        for number in range(100):
            loop.call_at(1.0, order.append, number)
        await asyncio.sleep(2)
        return order

    assert run(main()) == list(range(100))


def test_timers_called_off_are_let_go() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        for _ in range(10_000):
            loop.call_later(3600, print).cancel()
        await asyncio.sleep(1)
        return len(loop._timers)

    assert run(main()) < 2000


def test_what_runs_alone_starts_at_zero_and_meets_nothing_of_the_runs_before() -> None:
    heard: list[str] = []

    async def one(name: str) -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        loop.call_later(5, heard.append, name)
        await asyncio.sleep(3)
        return begun

    async def main() -> list[float]:
        begun = [await alone(one("first")), await alone(one("second"))]
        await asyncio.sleep(10)
        return begun

    assert run(main()) == [0.0, 0.0]
    assert heard == ["second"]
