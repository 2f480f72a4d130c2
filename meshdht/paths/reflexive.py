"""Our own reflexive endpoints, as peers observed them (RFC 8445's server-reflexive, no server).

Each peer's last word counts once; what most peers see comes first, so that one peer that lies
adds a candidate at most and cannot crowd out the true ones.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable

from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_OBSERVERS, MAX_REFLEXIVE


class ReflexiveEndpoints:
    """Collects observations; ``endpoints`` is what to publish."""

    def __init__(self) -> None:
        self._seen_by: OrderedDict[tuple[Hashable, bool], Endpoint] = OrderedDict()
        self._voices: Counter[Endpoint] = Counter()

    def observe(self, observer: Hashable, endpoint: Endpoint) -> bool:
        """Note what one peer saw us as; True if what we publish changed."""
        key = (observer, endpoint.is_ipv6)
        if self._seen_by.get(key) == endpoint:
            self._seen_by.move_to_end(key)
            return False
        before = self.endpoints
        if key in self._seen_by:
            self._drop(self._seen_by.pop(key))
        elif len(self._seen_by) >= MAX_OBSERVERS:
            self._drop(self._seen_by.popitem(last=False)[1])
        self._seen_by[key] = endpoint
        self._voices[endpoint] += 1
        return self.endpoints != before

    def _drop(self, endpoint: Endpoint) -> None:
        self._voices[endpoint] -= 1
        if not self._voices[endpoint]:
            del self._voices[endpoint]

    def forget(self) -> None:
        """Our network changed: what peers saw before says nothing now."""
        self._seen_by.clear()
        self._voices.clear()

    @property
    def endpoints(self) -> list[Endpoint]:
        """Most often observed first, ties by value; at most MAX_REFLEXIVE."""
        ranked = sorted(self._voices, key=lambda endpoint: (-self._voices[endpoint], endpoint))
        return ranked[:MAX_REFLEXIVE]
