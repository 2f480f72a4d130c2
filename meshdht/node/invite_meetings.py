"""Open invites, for whose holders a device waits at anchors that nobody reaches from outside.

Who is in public is asked to its face. The others wait at the anchors of the network as they do for
each other (relay_waits.py), in the name of the invite; who binds there asks to be let in.
"""

from __future__ import annotations

from typing import NamedTuple

from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.derive import derive
from meshdht.crypto.keys import DeviceId
from meshdht.errors import OpenFailed
from meshdht.limits import INVITE_WAITS_MAX
from meshdht.membership.statements import Role
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.vantage import Vantage
from meshdht.paths.candidate import PathKind
from meshdht.wire.channel import Incoming
from meshdht.wire.meeting import MEETING_SLOTS, meeting_key, open_claim
from meshdht.wire.packet import MessageKind

# Who has come by an invite that is used up, or has expired meanwhile, asks on for its answer.
REMEMBER_S = 300.0


class Invited(NamedTuple):
    """What to wait by for one who comes by an invite."""

    key: BoxKey
    slot: int


class InviteMeetings:
    """What one member knows of them."""

    def __init__(
        self, identity: Identity, holdings: NodeHoldings, control: ControlPort, vantage: Vantage
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._vantage = vantage
        self._known: dict[BoxKey, float] = {}
        """The keys by which we wait or did, and when we did last."""

    def open(self) -> dict[DeviceId, Invited]:
        """Who may come by the newest invites that are open, under ids that are nobody's; none where
        a joiner gets in without."""
        roster, unix = self._holdings.roster, self._control.clock.unix()
        if not roster.anchors or self._vantage.is_public:
            return {}
        invites = [
            each
            for each in roster.invites
            if each.role is Role.DEVICE
            and each.expires > unix
            and not each.revoked
            and not each.is_used_up
        ]
        invites.sort(key=lambda each: (-each.expires, each.hash))
        found = {}
        for each in invites[:INVITE_WAITS_MAX]:
            key = meeting_key(self._identity.network, each.key)
            for slot in range(MEETING_SLOTS if each.uses > 1 else 1):
                found[_comer(key, slot)] = Invited(key, slot)
        now = self._control.clock.monotonic()
        self._known |= {each.key: now for each in found.values()}
        self._known = {key: at for key, at in self._known.items() if now - at < REMEMBER_S}
        return found

    def key(self, comer: DeviceId) -> BoxKey | None:
        """What to bind by for one of these, also of an invite that was open lately."""
        ids = {_comer(key, slot): key for key in self._known for slot in range(MEETING_SLOTS)}
        return ids.get(comer)

    def is_anchor(self, relay: DeviceId) -> bool:
        """Whether a relay is no member: these have no use for such a wait."""
        return any(each.id == relay for each in self._holdings.roster.anchors)

    def opened(self, incoming: Incoming) -> Incoming:
        """A JOIN_SEALED as the JOIN_REQUEST that it holds, all else as is. Raises RemoteError."""
        packet = incoming.packet
        if packet.kind is not MessageKind.JOIN_SEALED:
            return incoming
        if self._vantage.kind_of(incoming.source) is not PathKind.RELAY:
            raise OpenFailed("it came by no relay")
        now = self._control.clock.monotonic()
        for key in self._known:
            try:
                claim = open_claim(key, packet.body, packet.message_id)
            except OpenFailed:
                continue
            self._known[key] = now
            if (lent := self._vantage.lent.get(incoming.source)) is not None:
                lent.heard = now
            asked = packet._replace(kind=MessageKind.JOIN_REQUEST, body=claim)
            return incoming._replace(packet=asked)
        raise OpenFailed("by no invite that is waited for")


def _comer(key: BoxKey, slot: int) -> DeviceId:
    """What one who comes in a slot is called here, until it has a name of its own."""
    return DeviceId(derive(key.raw, "comer", bytes([slot]), size=DeviceId.SIZE))
