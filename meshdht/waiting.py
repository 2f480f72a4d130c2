"""Waiting for something to happen, but not for ever."""

from __future__ import annotations

import asyncio


async def set_within(event: asyncio.Event, timeout_s: float | None) -> bool:
    """Whether an event is set by then; None waits as long as it takes."""
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False
