"""How often this device does for others what costs it: one token bucket for all of them.

Where each asker is to have its own, see dht.rate.
"""

from __future__ import annotations


class Allowance:
    """Full at first; ``per_s`` tokens come back each second, up to ``burst``."""

    def __init__(self, per_s: float, burst: float, now: float) -> None:
        """``now``: monotonic seconds, here as below."""
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._counted_at = now

    def take(self, now: float) -> bool:
        """Take one token; False if there is none."""
        earned = (now - self._counted_at) * self._per_s
        self._tokens = min(self._burst, self._tokens + earned)
        self._counted_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
