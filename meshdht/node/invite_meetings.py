"""Open invites, for whose holders a device waits at anchors that nobody reaches from outside.

Who is in public is asked to its face. The others wait at the anchors of the network as they do for
each other (relay_waits.py), in the name of the invite; who binds there asks to be let in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.derive import derive
from meshdht.crypto.keys import DeviceId, InvitePublicKey
from meshdht.errors import OpenFailed
from meshdht.limits import INVITE_WAITS_MAX
from meshdht.membership.roster import Invite, Roster
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


@dataclass(slots=True)
class _Meeting:
    """Where the holders of one invite are waited for, or were until lately."""

    key: BoxKey
    comers: Sequence[DeviceId]
    """What one who comes in each slot is called here, until it has a name of its own."""
    used: float
    """When we waited by it, or were asked by it, last: monotonic seconds."""


class InviteMeetings:
    """What one member knows of them."""

    def __init__(
        self, identity: Identity, holdings: NodeHoldings, control: ControlPort, vantage: Vantage
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._vantage = vantage
        self._roster: Roster | None = None
        self._newest: Sequence[Invite] = ()
        """Of that roster, what ``open`` chooses from."""
        self._meetings: dict[InvitePublicKey, _Meeting] = {}

    def open(self) -> dict[DeviceId, Invited]:
        """Who may come by the newest invites that are open, under ids that are nobody's; none where
        a joiner gets in without. Costs next to nothing while the roster is the same."""
        now, unix = self._control.clock.monotonic(), self._control.clock.unix()
        for invite, meeting in list(self._meetings.items()):
            if now - meeting.used >= REMEMBER_S:
                del self._meetings[invite]
        roster = self._holdings.roster
        if not roster.anchors or self._vantage.is_public:
            return {}
        if self._roster is not roster:
            self._roster, self._newest = roster, _newest(roster)
        found = {}
        for each in self._newest:
            if each.expires > unix:
                meeting = self._meeting(each.key, now)
                slots = MEETING_SLOTS if each.uses > 1 else 1
                for slot, comer in enumerate(meeting.comers[:slots]):
                    found[comer] = Invited(meeting.key, slot)
        return found

    def _meeting(self, invite: InvitePublicKey, now: float) -> _Meeting:
        """By which its holders are waited for now."""
        meeting = self._meetings.get(invite)
        if meeting is None:
            key = meeting_key(self._identity.network, invite)
            comers = [_comer(key, slot) for slot in range(MEETING_SLOTS)]
            meeting = self._meetings[invite] = _Meeting(key, comers, now)
        meeting.used = now
        return meeting

    def key(self, comer: DeviceId) -> BoxKey | None:
        """What to bind by for one of these, also of an invite that was open lately."""
        found = (each.key for each in self._meetings.values() if comer in each.comers)
        return next(found, None)

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
        for meeting in self._meetings.values():
            try:
                claim = open_claim(meeting.key, packet.body, packet.message_id)
            except OpenFailed:
                continue
            meeting.used = now
            if (lent := self._vantage.lent.get(incoming.source)) is not None:
                lent.heard = now
            asked = packet._replace(kind=MessageKind.JOIN_REQUEST, body=claim)
            return incoming._replace(packet=asked)
        raise OpenFailed("by no invite that is waited for")


def _newest(roster: Roster) -> Sequence[Invite]:
    """Of the invites that are neither revoked nor used up, those that expire last: whatever the
    time, the newest that are open are among them."""
    invites = [
        each
        for each in roster.invites
        if each.role is Role.DEVICE and not each.revoked and not each.is_used_up
    ]
    invites.sort(key=lambda each: (-each.expires, each.hash))
    return invites[:INVITE_WAITS_MAX]


def _comer(key: BoxKey, slot: int) -> DeviceId:
    return DeviceId(derive(key.raw, "comer", bytes([slot]), size=DeviceId.SIZE))
