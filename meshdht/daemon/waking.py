"""Notices that this machine has slept, or that this process was stopped for a while.

CLOCK_BOOTTIME goes on while a machine sleeps, and timers do not: one that is late by so much tells.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LOOK_S = 2.0
# Less is a machine with too much to do.
SLEPT_S = 5.0


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def woken(since_boot: Callable[[], float] = _since_boot, *, look_s: float = LOOK_S) -> float:
    """Returns once the machine has slept and is awake again: for how many seconds it was away."""
    while True:
        before = since_boot()
        await asyncio.sleep(look_s)
        away_s = since_boot() - before - look_s
        if away_s > SLEPT_S:
            return away_s
