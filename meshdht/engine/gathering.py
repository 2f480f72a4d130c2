"""Small packets from a TUN that come in a row and are alike, kept for a moment to be sent together.

Nothing overtakes anything: what is not like those before sends them first.
"""

from __future__ import annotations

from collections.abc import Callable

from meshdht.engine.offload.alike import HEAD_SIZE, alike
from meshdht.engine.offload.checksum import Bytes

# Fewer are quicker one by one.
_TOGETHER_MIN = 5

Sizes = tuple[int, int, int]
"""How many packets, the size of each but the last, the size of the last."""
Write = Callable[[Bytes], None]
"""write(rows) writes each packet into a row, the last one with zeros up to the others' size."""


class Gathering:
    """``one(frame, now, unix)`` sends the packet of a frame that may be written to;
    ``together(head, sizes, write, now, unix)`` sends several to one address, of which the first
    begins with ``head``."""

    def __init__(
        self,
        one: Callable[[memoryview, float, float], None],
        together: Callable[[bytes, Sizes, Write, float, float], None],
    ) -> None:
        self._one = one
        self._together = together
        self._frames: list[bytearray] = []

    def add(self, frame: bytearray, now: float, unix: float) -> None:
        """Keep a frame, which is ours from now on, until ``let_go`` at the latest."""
        frames = self._frames
        if frames and (len(frame) != len(frames[0]) or not frame.startswith(frames[0][:HEAD_SIZE])):
            self.let_go(now, unix)
        self._frames.append(frame)

    def let_go(self, now: float, unix: float) -> None:
        """Send all."""
        if not self._frames:
            return
        frames, self._frames = self._frames, []
        found = alike(frames) if len(frames) >= _TOGETHER_MIN else None
        if found is None:
            for frame in frames:
                self._one(memoryview(frame), now, unix)
            return
        count, size = found.packets.shape
        self._together(found.head, (count, size, size), found.write, now, unix)
