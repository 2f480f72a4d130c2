"""How often an address may ask for what costs us: a token bucket each, in a bounded table.

By address and not by id: an id costs nothing to make up, while who asks has shown that it
receives what is sent to its address.
"""

from __future__ import annotations

from collections import OrderedDict

from meshdht.limits import DHT_RATE_SOURCES


class Rate:
    """Buckets by address; whoever was not heard for longest is forgotten first."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, host: str, now: float) -> bool:
        """Take one token; False if there is none. ``now``: monotonic seconds."""
        tokens, at = self._buckets.pop(host, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_s)
        allowed = tokens >= 1
        self._buckets[host] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > DHT_RATE_SOURCES:
            self._buckets.popitem(last=False)
        return allowed

    def __len__(self) -> int:
        return len(self._buckets)
