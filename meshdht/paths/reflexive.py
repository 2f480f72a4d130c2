"""Our own reflexive endpoints, as peers observed them (RFC 8445's server-reflexive, no server).

Each peer's last word counts once; what most peers see comes first, so that one peer that lies
adds a candidate at most and cannot crowd out the true ones.

A NAT whose mapping depends on the remote endpoint (RFC 4787, section 4.1) shows each peer another
port. None of these lets anybody else in; the address is all that they tell, to those whose own
filter goes by addresses. So one of them stands for all, the one that was seen first: which ports
come and go is no news.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable

from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_OBSERVERS, MAX_REFLEXIVE

# A peer may speak twice, as a member and as a contact in the DHT: what fewer voices say, of several
# ports of one address, each may say of its own alone.
CONFIRMING = 3
PORTS_OF_A_DEPENDENT_MAPPING = 3


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
        """Most often observed first, ties by value; at most MAX_REFLEXIVE, and one of an address
        whose ports say nothing."""
        seen: dict[str, list[Endpoint]] = {}
        for endpoint in self._voices:
            seen.setdefault(endpoint.host, []).append(endpoint)
        told = [endpoint for each in seen.values() for endpoint in self._telling(each)]
        ranked = sorted(told, key=lambda endpoint: (-self._voices[endpoint], endpoint))
        return ranked[:MAX_REFLEXIVE]

    def _telling(self, ports: list[Endpoint]) -> list[Endpoint]:
        """What of the ports of one address, first seen first, is to be published."""
        confirmed = any(self._voices[each] >= CONFIRMING for each in ports)
        if confirmed or len(ports) < PORTS_OF_A_DEPENDENT_MAPPING:
            return ports
        return ports[:1]
