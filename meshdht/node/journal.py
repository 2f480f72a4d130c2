"""Writes to disk, in order, behind the backs of handlers that must not wait.

What must be on disk before it is acted upon (a sequence, an admission) is awaited by its
caller through ``flush``. A disk that fails is counted and reported once, and the device goes
on from memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from meshdht.errors import StateError
from meshdht.limits import JOURNAL_WRITES

Write = Callable[[], Awaitable[None]]


class Journal:
    """A bounded queue of writes and the task that carries them out."""

    def __init__(self, on_error: Callable[[StateError], None]) -> None:
        self._on_error = on_error
        self._queue: deque[Write] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.failed = 0
        """Writes that the disk refused."""
        self.dropped = 0
        """Writes given up because the disk did not keep up."""

    def write(self, write: Write) -> None:
        """Have a write carried out soon; the oldest is given up if too many wait."""
        if len(self._queue) >= JOURNAL_WRITES:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(write)
        self._idle.clear()
        self._wake.set()

    async def flush(self) -> None:
        """Wait until all that was handed in is on disk, or has failed."""
        await self._idle.wait()

    async def run(self) -> None:
        """Carry out writes until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._carry_out(self._queue.popleft())
            self._idle.set()

    async def _carry_out(self, write: Write) -> None:
        try:
            await write()
        except StateError as error:
            self.failed += 1
            if self.failed == 1:
                self._on_error(error)
