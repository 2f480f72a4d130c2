"""An event loop whose clock jumps, so that a minute of sleep takes no time.

``run`` executes a coroutine on a VirtualTimeLoop; the same seed gives the same run. Only what
the loop itself schedules counts: threads and real sockets do not fit in here.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Any, NoReturn, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
# 2026-01-01, where the wall clock of every virtual run starts.
UNIX_START = 1_767_225_600.0
# Nearly all objects of a run live to its end: to look for cycles among the millions of a thousand
# nodes as often as Python does took a seventh of the time.
_GC_THRESHOLDS = (500_000, 50, 50)
# Timers that were called off are let go once they are so many, and most of all.
_CANCELLED_MIN = 1000


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's loop on a virtual clock that starts at 0: it never waits, it goes on to what is
    due next. What is due at one moment comes in the order in which it was scheduled."""

    _ready: deque[asyncio.Handle]
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()
        self._cancelled = 0
        self.go_on()

    def time(self) -> float:
        return self._now

    def rewind(self) -> None:
        """Back to 0, as for a fresh run; what was still scheduled never happens."""
        self._now, self._timers, self._cancelled = 0.0, [], 0

    def go_in_windows(self, meet: Callable[[float], float]) -> None:
        """From now on ask, before what is due next, how far to go: ``meet(when it is due)``."""
        self._limit, self._meet = self._now, meet

    def go_on(self) -> None:
        """Go as far as there is anything to do."""
        self._limit, self._meet = inf, _never

    def go_to(self, moment: float) -> float:
        """Let it be a moment before which nothing is due."""
        self._now = moment
        return moment

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        timer._scheduled = True  # type: ignore[attr-defined]
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def _timer_handle_cancelled(self, timer: asyncio.TimerHandle) -> None:
        self._cancelled += 1
        if self._cancelled > _CANCELLED_MIN and 2 * self._cancelled > len(self._timers):
            self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
            heapify(self._timers)
            self._cancelled = 0

    def _run_once(self) -> None:
        """Run what is ready; if nothing is, what is due next."""
        if not self._ready and not self._stopping:
            self._advance()
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _advance(self) -> None:
        """Go on to the next timer's moment."""
        while not self._ready:
            when = self._timers[0][0] if self._timers else inf
            if when >= self._limit:
                self._limit = self._meet(when)
                continue
            timer = heappop(self._timers)[2]
            timer._scheduled = False  # type: ignore[attr-defined]
            if timer.cancelled():
                self._cancelled -= 1
                continue
            self._now = max(self._now, when)
            self._ready.append(timer)


def _never(when: float) -> NoReturn:
    raise RuntimeError("nothing is scheduled: the run would wait for ever")


class VirtualClock:
    """meshdht.clock.Clock on the running virtual loop; ``skew`` sets its wall clock wrong."""

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = skew
        self._loop: asyncio.AbstractEventLoop | None = None

    def monotonic(self) -> float:
        # Several times a datagram: to ask for the loop each time is a call to the kernel.
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop.time()

    def unix(self) -> float:
        return UNIX_START + self.monotonic() + self.skew


async def alone(main: Coroutine[Any, Any, T]) -> T:
    """Run one of several, one after the other, that have nothing to do with each other: from time
    0, so that it can be replayed by itself."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.rewind()
    return await main


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a fresh virtual loop."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(main)
    finally:
        gc.set_threshold(*thresholds)
