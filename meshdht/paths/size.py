"""How large a packet passes on a path, found out by trying. Sans-IO.

A path may swallow what is larger than it bears, without a word: fragments are dropped, and so is
the ICMP message that would tell. The full size is tried alone, which is all that a sound path
costs; then every size that is larger than the largest which has passed, until the tries are over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

# What often fits where the full size does not, in inner bytes: behind PPPoE over IPv6, in paths of
# 1440 and of 1400 over IPv4 and over IPv6, and the least that IPv6 wants. WireGuard pads to
# multiples of 16, so that nothing is gained by sizes in between.
STEPS = (1408, 1376, 1360, 1328, 1312, 1280)
# Passes on every path that lives.
SMALL = 100
# A packet is lost now and then: so often the full size is tried before it counts as swallowed.
ROUNDS = 4


class SizeSearch:
    """One search for the largest of ``full``, STEPS and SMALL that passes."""

    def __init__(self, full: int) -> None:
        self.full = full
        self._sizes = [full, *(step for step in STEPS if step < full), SMALL]
        self._round = 0
        self._largest = 0

    def next_round(self) -> list[int]:
        """The sizes to try now, the largest first; empty once the search is over."""
        if self._largest == self.full or self._round == ROUNDS:
            return []
        self._round += 1
        if self._round == 1:
            return [self.full]
        return [size for size in self._sizes if size > self._largest]

    def passed(self, sizes: Iterable[int]) -> None:
        """These got through."""
        self._largest = max(self._largest, *sizes, 0)

    @property
    def largest(self) -> float:
        """The largest that passed: infinity if the full size did, 0 if nothing, which tells that
        the path is dead, or that nobody answers there."""
        return math.inf if self._largest == self.full else self._largest
