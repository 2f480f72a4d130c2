"""How much a relay passes on of one pair, each way: what is beyond that is dropped, so that TCP
slows down as it does on a narrow line."""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_MBIT = 125_000


@dataclass(frozen=True, slots=True)
class RelayRate:
    """``mbit``: Mbit/s of each direction of a pair; 0: as much as comes."""

    mbit: int = 0

    @property
    def bytes_per_s(self) -> int:
        """And so much may come at once, after a pause: nftables has no smaller bucket."""
        return self.mbit * BYTES_PER_MBIT


class Policer:
    """One direction of one pair: a token bucket of bytes, full at first."""

    def __init__(self, rate: RelayRate, now: float) -> None:
        """``now``: monotonic seconds, here as below."""
        self._rate = rate
        self._tokens = float(rate.bytes_per_s)
        self._counted_at = now

    def take(self, size: int, each: int, now: float) -> int:
        """How many bytes of a train of datagrams of ``each`` may pass: its first ones, whole."""
        if not self._rate.mbit:
            return size
        full = float(self._rate.bytes_per_s)
        self._tokens = min(full, self._tokens + (now - self._counted_at) * full)
        self._counted_at = now
        passed = size if size <= self._tokens else int(self._tokens) // each * each
        self._tokens -= passed
        return passed
