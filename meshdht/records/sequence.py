"""The number by which the newest record wins."""

from __future__ import annotations


def next_sequence(last: int, unix_ms: int) -> int:
    """The sequence to commit to disk before the record that bears it is signed.

    It grows even when the clock went back, and a device whose disk was lost starts above all
    that it published before.
    """
    return max(last + 1, unix_ms)
