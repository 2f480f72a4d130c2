"""How many values an address may hand in: a token bucket each, within a bounded table.

By address and not by id: an id costs nothing to make up, while who stores has shown that it
receives what is sent to its address.
"""

from __future__ import annotations

from collections import OrderedDict

from meshdht.limits import DHT_STORE_SOURCES, DHT_STORES_BURST, DHT_STORES_PER_S


class StoreRate:
    """Buckets by address; whoever was not heard for longest is forgotten first."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, host: str, now: float) -> bool:
        """Take one token; False if there is none. ``now``: monotonic seconds."""
        tokens, at = self._buckets.pop(host, (DHT_STORES_BURST, now))
        tokens = min(DHT_STORES_BURST, tokens + (now - at) * DHT_STORES_PER_S)
        allowed = tokens >= 1
        self._buckets[host] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > DHT_STORE_SOURCES:
            self._buckets.popitem(last=False)
        return allowed

    def __len__(self) -> int:
        return len(self._buckets)
