"""The packets of a TUN device, through its file descriptor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol


class TunDevice(Protocol):
    """The part of a TUN device that the engine uses; both verbs raise OSError."""

    def fileno(self) -> int: ...

    def read_into(self, frame: memoryview) -> int | None:
        """The size of the next virtio-net header and packet; None if there is none now."""

    def write(self, frame: Sequence[bytes | memoryview]) -> None:
        """A virtio-net header and a packet, in pieces."""


class TunFile:
    """A TUN device that somebody else opened; raises OSError (EBADFD) once it was deleted."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        return self._fd

    def read_into(self, frame: memoryview) -> int | None:
        try:
            return os.readv(self._fd, (frame,))
        except BlockingIOError:
            return None

    def write(self, frame: Sequence[bytes | memoryview]) -> None:
        os.writev(self._fd, frame)

    def close(self) -> None:
        os.close(self._fd)
