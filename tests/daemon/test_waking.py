"""A machine that slept is noticed; one that is busy is not taken for it."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.daemon.waking import LOOK_S, SLEPT_S, woken
from simulations.loop import run


class Clock:
    """The loop's time, and the sleep that it does not count."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.slept_s


def test_a_sleep_is_noticed_soon_after_it() -> None:
    async def main() -> None:
        clock = Clock()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(woken(clock))
            await asyncio.sleep(7)
            assert not waiting.done()
            clock.slept_s += 8 * 3600
            async with asyncio.timeout(LOOK_S + 0.1):
                assert await waiting == pytest.approx(8 * 3600)

    run(main())


def test_a_timer_that_is_a_little_late_is_no_sleep() -> None:
    async def main() -> None:
        clock = Clock()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(woken(clock))
            for _ in range(20):
                await asyncio.sleep(LOOK_S)
                clock.slept_s += SLEPT_S / 2
            assert not waiting.done()
            waiting.cancel()

    run(main())
