"""How much this device sends to where nobody has answered yet.

Where a peer may be reached is what it says itself, or what others say of it: a member can name the
addresses of strangers, and have all others probe them. So probes to an endpoint that has not
answered one are rationed, by the address that they go to, whoever named it, by the peer that they
are for, and in all. One that has answered is the peer's: what it answered was boxed to it.
"""

from __future__ import annotations

from collections import Counter

from meshdht.crypto.keys import DeviceId
from meshdht.dht.rate import Rate
from meshdht.limits import (
    UNPROVED_BURST,
    UNPROVED_HOST_BURST,
    UNPROVED_HOST_PER_S,
    UNPROVED_PEER_BURST,
    UNPROVED_PEER_PER_S,
    UNPROVED_PER_S,
)
from meshdht.node.allowance import Allowance
from meshdht.paths.agent import Probe


class Restraint:
    """Says which probes go out; those that do not count as sent, and are tried again later."""

    def __init__(self, now: float) -> None:
        self._all = Allowance(UNPROVED_PER_S, UNPROVED_BURST, now)
        self._hosts = Rate(UNPROVED_HOST_PER_S, UNPROVED_HOST_BURST)
        self._peers = Rate(UNPROVED_PEER_PER_S, UNPROVED_PEER_BURST)
        self.withheld: Counter[str] = Counter()
        """Probes that did not go out, by whose share was used up."""

    def allows(self, peer: DeviceId, probe: Probe, now: float) -> bool:
        if probe.is_proved:
            return True
        if not self._peers.allows(peer.raw.hex(), now):
            self.withheld["probes_withheld_peer"] += 1
        elif not self._hosts.allows(probe.endpoint.host, now):
            self.withheld["probes_withheld_address"] += 1
        elif not self._all.take(now):
            self.withheld["probes_withheld_all"] += 1
        else:
            return True
        return False
