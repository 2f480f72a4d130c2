"""An event loop whose clock jumps, so that a minute of sleep takes no time.

``run`` executes a coroutine on a VirtualTimeLoop; the same seed gives the same run. Only what
the loop itself schedules counts: threads and real sockets do not fit in here.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
# 2026-01-01, where the wall clock of every virtual run starts.
UNIX_START = 1_767_225_600.0


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for the time to pass, lets it pass."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is scheduled: the run would wait for ever")
        self.elapsed += max(timeout, 0.0)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's loop on a virtual clock that starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumping.elapsed


class VirtualClock:
    """meshdht.clock.Clock on the running virtual loop; ``skew`` sets its wall clock wrong."""

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = skew

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def unix(self) -> float:
        return UNIX_START + self.monotonic() + self.skew


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a fresh virtual loop."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
