"""Whether UDP gets nowhere from here, though somebody should be there; and where streams may be
served, which are the way then.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshdht.crypto.keys import DeviceId
from meshdht.dht.dht import Dht
from meshdht.dht.prefix import is_household
from meshdht.endpoint import Endpoint
from meshdht.limits import STREAM_SERVERS_MAX
from meshdht.node.entrance import Entrance
from meshdht.node.holdings import NodeHoldings
from meshdht.node.peers import Peers
from meshdht.paths.candidate import PathKind

# After a start or a change of network an answer takes a round trip, or a few on a bad link. Who is
# too early has a stream for a while that it does not need.
PATIENCE_S = 0.4
# Addresses come before routes.
SETTLE_S = 0.1
# Who was heard so lately may be heard again.
TRUST_S = 90.0
# Where streams are served unless a record says otherwise: it looks like the web's.
STREAM_PORT = 443


class CutOff:
    """What one device can tell."""

    def __init__(
        self, own_id: DeviceId, peers: Peers, dht: Dht, entrance: Entrance, holdings: NodeHoldings
    ) -> None:
        self._own_id = own_id
        self._peers = peers
        self._dht = dht
        self._entrance = entrance
        self._holdings = holdings
        self._asked: float | None = None
        """When somebody was asked, since silence was noticed."""

    def has_way(self) -> bool:
        """Whether a path over UDP leads beyond our own networks."""
        return any(self._is_beyond(each.endpoint) for each in self._peers.neighbours())

    def finds_cut_off(self, now: float) -> bool:
        """Whether it is, by asking before it says so: to be called again and again."""
        if not self.is_cut_off(now):
            self._asked = None
        elif self._asked is None:
            self._asked = now
            self._ask()
        return self._asked is not None and now - self._asked >= PATIENCE_S

    def _ask(self) -> None:
        """An idle device may not have heard anybody for long, for lack of asking."""
        beyond = [each for each in self._dht.contacts() if self._is_beyond(each.endpoint)]
        self._dht.ask_where({each.node_id for each in beyond})

    def _is_beyond(self, endpoint: Endpoint) -> bool:
        vantage = self._peers.vantage
        return endpoint not in vantage.legs and vantage.kind_of(endpoint) is PathKind.DIRECT

    def is_cut_off(self, now: float) -> bool:
        """Whether nobody was heard over UDP of late, and somebody is missed. ``now``: monotonic."""
        vantage = self._peers.vantage
        if now - vantage.moved < SETTLE_S or now - vantage.heard_beyond < TRUST_S:
            return False
        if self.has_way() or len(self._holdings.roster) == 1:
            return False
        paths = [self._peers.path(device) for device in self._peers.sought()]
        return any(path.kind is not PathKind.LAN for path in paths) or not self._dht.is_entered

    def told_servers(self) -> dict[Endpoint, DeviceId]:
        """Where devices serve streams, as their records say."""
        told: dict[Endpoint, DeviceId] = {}
        for device in self._holdings.roster:
            record = self._holdings.cache.record(device.id)
            if record is not None and device.id != self._own_id:
                told |= dict.fromkeys(record.stream_endpoints, device.id)
        return told

    def servers(self) -> list[Endpoint]:
        """TCP endpoints that may serve streams: as records say, then as may be guessed."""
        told = self.told_servers()
        contacts = (each.endpoint for each in self._dht.contacts())
        return likely_servers(told, (*self._entrance.places, *contacts))


def likely_servers(told: Iterable[Endpoint], others: Iterable[Endpoint]) -> list[Endpoint]:
    """Those that we were told of, then the usual port of where others are on the internet."""
    guessed = (Endpoint(each.host, STREAM_PORT) for each in others if not is_household(each.host))
    return list(dict.fromkeys((*told, *guessed)))[:STREAM_SERVERS_MAX]
