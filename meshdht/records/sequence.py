"""The number by which the newest record wins."""

from __future__ import annotations

from meshdht.clock import Entropy

# Sequence and expiry stand outside the seal. They say within which of these a record was written
# (2**20 ms, and about as many seconds), and no more: to the millisecond, they would tell which
# of the records that a holder has were written together, and after which device had moved.
COARSE_MS = 2**20
COARSE_S = 1024


def next_sequence(last: int, unix_ms: int) -> int:
    """The sequence to commit to disk before the record that bears it is signed.

    It grows even when the clock went back, and a device whose disk was lost starts above all
    that it published before, but for the last half an hour (see ``coarse_sequence``).
    """
    return max(last + 1, unix_ms)


def coarse_sequence(last: int, unix_ms: int, entropy: Entropy) -> int:
    """What to ask ``next_sequence`` for: any of the COARSE_MS that it is now.

    If that is not above ``last``, another above it, up to COARSE_MS later: two in a row would be
    of one device to whoever sees them. It is ahead of the clock by hardly more than that.
    """
    begin = unix_ms // COARSE_MS * COARSE_MS
    drawn = begin + int(entropy.uniform(0, COARSE_MS))
    if drawn > last:
        return drawn
    room = begin + 2 * COARSE_MS - 1 - last
    return last + 1 + int(entropy.uniform(0, max(0, room - 1)))
