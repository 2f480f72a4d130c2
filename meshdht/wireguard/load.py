"""When handshakes cost too much: the under-load policy and the limit per source (section 5.3)."""

from __future__ import annotations

import ipaddress

from meshdht.endpoint import Endpoint
from meshdht.limits import (
    WIREGUARD_HANDSHAKE_BURST,
    WIREGUARD_HANDSHAKE_SOURCES,
    WIREGUARD_HANDSHAKES_PER_SECOND,
    WIREGUARD_SOURCE_BURST,
    WIREGUARD_SOURCE_PER_SECOND,
)

# Once under load, stay so this long: a flood that stops and goes gains nothing.
_LOADED_S = 1.0


class _Bucket:
    """A token bucket."""

    __slots__ = ("_burst", "_rate", "at", "tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self.tokens = burst
        self.at = now

    def take(self, now: float) -> bool:
        self.tokens = min(self._burst, self.tokens + (now - self.at) * self._rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class LoadMeter:
    """Whether more handshake messages with a valid mac1 arrive than their X25519 may cost."""

    __slots__ = ("_bucket", "_loaded_until")

    def __init__(self) -> None:
        self._bucket: _Bucket | None = None
        self._loaded_until = 0.0

    def count(self, now: float) -> bool:
        """Count one message; True while under load."""
        if self._bucket is None:
            self._bucket = _Bucket(WIREGUARD_HANDSHAKES_PER_SECOND, WIREGUARD_HANDSHAKE_BURST, now)
        if not self._bucket.take(now):
            self._loaded_until = now + _LOADED_S
        return now < self._loaded_until


class SourceLimiter:
    """Handshakes a second from one source that has proved its address.

    An IPv6 source counts by its /64, which is what one host gets.
    """

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def allow(self, source: Endpoint, now: float) -> bool:
        """Whether one more handshake from ``source`` may be worked on."""
        key = _network_of(source)
        bucket = self._buckets.pop(key, None)
        if bucket is None:
            if len(self._buckets) >= WIREGUARD_HANDSHAKE_SOURCES:
                # The one that asked longest ago; re-insertion keeps the dict in that order.
                del self._buckets[next(iter(self._buckets))]
            bucket = _Bucket(WIREGUARD_SOURCE_PER_SECOND, WIREGUARD_SOURCE_BURST, now)
        self._buckets[key] = bucket
        return bucket.take(now)


def _network_of(source: Endpoint) -> str:
    if not source.is_ipv6:
        return source.host
    return str(ipaddress.IPv6Network((source.host, 64), strict=False))
