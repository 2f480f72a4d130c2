"""The replay window of RFC 6479: a ring of bit blocks, so that advancing never shifts bits."""

from __future__ import annotations

_BLOCK_BITS = 64
_BLOCKS = 128

# One block is always partly ahead of the highest counter, so it does not count (RFC 6479, 2.2).
WINDOW = (_BLOCKS - 1) * _BLOCK_BITS


class ReplayWindow:
    """Accepts each counter once, if it is less than ``WINDOW`` behind the highest accepted."""

    __slots__ = ("_blocks", "_highest")

    def __init__(self) -> None:
        self._blocks = [0] * _BLOCKS
        self._highest = 0

    def accept(self, counter: int) -> bool:
        """Whether ``counter`` is new; it is then marked. Call it for authenticated packets only."""
        blocks = self._blocks
        highest = self._highest
        block = counter >> 6
        if counter > highest:
            ahead = block - (highest >> 6)
            if ahead:
                for passed in range(block - min(ahead, _BLOCKS) + 1, block + 1):
                    blocks[passed & 127] = 0
            self._highest = counter
        elif counter + WINDOW <= highest:
            return False
        bits = blocks[block & 127]
        bit = 1 << (counter & 63)
        if bits & bit:
            return False
        blocks[block & 127] = bits | bit
        return True

    def accept_run(self, first: int, count: int) -> bool:
        """Whether ``count`` consecutive counters are all ahead of the highest accepted; they are
        then marked. Else nothing is, and each is to be asked for by ``accept``."""
        highest = self._highest
        if first <= highest:
            return False
        last = first + count - 1
        blocks = self._blocks
        begin, end = first >> 6, last >> 6
        for passed in range(max(highest >> 6, end - _BLOCKS) + 1, end + 1):
            blocks[passed & 127] = 0
        for block in range(begin, end + 1):
            low = max(first, block << 6) & 63
            high = min(last, (block << 6) | 63) & 63
            blocks[block & 127] |= (1 << (high + 1)) - (1 << low)
        self._highest = last
        return True
