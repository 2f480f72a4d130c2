"""Which of several processes that run tests may go on: all, or one alone that measures."""

from __future__ import annotations

import os
from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock
from pathlib import Path

ROOM = Path(__file__)
DOOR = ROOM.parent


class Turns:
    """Locks on the room, shared or not, each taken at the door: whoever waits for an empty room
    holds the door shut meanwhile. The kernel drops the locks of a process that ends."""

    def __init__(self, room: Path = ROOM, door: Path = DOOR) -> None:
        self._room = os.open(room, os.O_RDONLY)
        self._door = os.open(door, os.O_RDONLY)
        self._kept = False

    def take(self, *, alone: bool) -> None:
        """Wait until this process may run a test."""
        if self._kept:
            return
        kind = LOCK_EX if alone else LOCK_SH
        flock(self._door, kind)
        flock(self._room, kind)
        flock(self._door, LOCK_UN)

    def end(self, *, keep: bool) -> None:
        """The test has ended; ``keep`` the room for another one that runs alone."""
        self._kept = keep
        if not keep:
            flock(self._room, LOCK_UN)

    def close(self) -> None:
        os.close(self._room)
        os.close(self._door)
