"""The daemon's stream of events, made from its status alone.

Each subscriber remembers the status it was last told and is told what differs now. Nothing is
queued, so one that reads slowly costs no memory: it finds fewer and larger steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from meshdht.api.changes import changes
from meshdht.api.messages import Event, Snapshot, Status

# Counters and round-trip times are looked at this often.
INTERVAL_S = 1.0
# A burst of touches (a flapping peer, a flood of records) costs one look.
SETTLE_S = 0.05


class EventFeed:
    """Turns ``status`` into events; ``touch()`` makes subscribers look at once."""

    def __init__(
        self, status: Callable[[], Awaitable[Status]], *, interval_s: float = INTERVAL_S
    ) -> None:
        self._status = status
        self._interval_s = interval_s
        self._touched = asyncio.Event()

    def touch(self) -> None:
        """Something that users watch has changed."""
        self._touched.set()
        self._touched = asyncio.Event()

    async def events(self) -> AsyncIterator[Event]:
        """A Snapshot, then what changes, without end. Any number may iterate at once."""
        touched = self._touched
        known = await self._status()
        yield Snapshot(known)
        while True:
            try:
                async with asyncio.timeout(self._interval_s):
                    await touched.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(SETTLE_S)
            touched = self._touched
            current = await self._status()
            for event in changes(known, current):
                yield event
            known = current
