"""Who waits for an admin's word: claims of invites that want approval.

    joiner                  member it reached              admins connected to that
      JOIN_REQUEST   ──►    cannot admit
      ◄──  waiting          GOSSIP applicant        ──►    shown to people
                                                           approve: an admit statement, for all
      JOIN_REQUEST   ──►    sees it in the log
      ◄──  admitted
                            ◄──  GOSSIP denial             deny: told to whom asks again, and to
      JOIN_REQUEST   ──►    refuses                        the other admins

A joiner asks again all the while, so that nothing of this is written to disk: who is not heard of
any more makes room for others, and an admin that starts anew hears of those that still wait.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from meshdht.crypto.keys import DeviceId, VerifyKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, Refused, StateError
from meshdht.gossip.messages import Applicant, Denial, Message
from meshdht.limits import (
    APPLICANT_FANOUT,
    APPLICANTS_MAX,
    APPLICANTS_PER_INVITE,
    DENIAL_REASON_MAX,
    DENIALS_MAX,
)
from meshdht.membership.claims import JoinClaim, decode_claim
from meshdht.membership.invites import Refusal, verify_claim, write_admit
from meshdht.membership.roster import Device, Invite
from meshdht.membership.statements import Statement
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.peers import Peers
from meshdht.node.telling import send_gossip

# How often at most the admins are told of one claim.
TELL_S = 3.0
# Who has not asked for so long may make room for another.
SILENT_S = 60.0
# So many admins are sought, where none is connected.
ADMINS_SOUGHT = 4


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that waits."""

    claim: JoinClaim
    invite: Invite
    since: float
    """Unix seconds: when this device heard of it first."""
    asked: float
    """Monotonic seconds: when it was last heard of."""


class Approvals:
    """Notes who waits, tells the admins, and carries out what they say.

    ``write_down`` keeps a statement and tells it to the others; ``want`` asks for a path.
    """

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        control: ControlPort,
        peers: Peers,
        write_down: Callable[[Statement], Awaitable[None]],
        want: Callable[[DeviceId], None],
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._peers = peers
        self._write_down = write_down
        self._want = want
        self._waiting: dict[VerifyKey, Waiting] = {}
        self._denied: OrderedDict[VerifyKey, str] = OrderedDict()
        self._told: OrderedDict[VerifyKey, float] = OrderedDict()
        self.outcomes: Counter[str] = Counter()

    # --- claims ------------------------------------------------------------------------------

    def ask(self, claim: JoinClaim) -> str | None:
        """A device asks us by a good claim that wants approval: why it is refused, or None, and it
        waits."""
        if (reason := self._denied.get(claim.device)) is not None:
            return _refusal(reason)
        self._tell_admins(claim)
        if self._own_admin() is None or self._note(claim):
            return None
        return Refusal.CROWDED

    def applicant_received(self, source: Endpoint, message: Applicant) -> None:
        """A member tells of a claim that was made to it; raises Malformed for what is none."""
        claim = decode_claim(message.claim)
        if self._own_admin() is None:
            return
        if (reason := self._denied.get(claim.device)) is not None:
            self._send(Denial(claim.device, reason), source)
            return
        try:
            verify_claim(self._holdings.roster, claim, self._control.clock.unix())
        except Refused as refusal:
            if refusal.reason == Refusal.APPROVAL:
                self._note(claim)
                return
        raise Malformed("an applicant that needs no approval, or cannot have it")

    def denial_received(self, sender: DeviceId, message: Denial) -> None:
        """A member says that an admin, itself, refuses a device."""
        admin = self._holdings.roster.device(sender)
        if admin is None or not admin.admin or len(message.reason) > DENIAL_REASON_MAX:
            raise Malformed("a denial by one who is no admin, or with a long reason")
        self._deny(message.device, message.reason)

    def _tell_admins(self, claim: JoinClaim) -> None:
        """Pass a claim on to the admins that are connected; seek some where none is."""
        now = self._control.clock.monotonic()
        if now - self._told.get(claim.device, -math.inf) < TELL_S:
            return
        self._told[claim.device] = now
        self._told.move_to_end(claim.device)
        if len(self._told) > APPLICANTS_MAX:
            self._told.popitem(last=False)
        admins = self._other_admins()
        reached = [each for each in self._peers.neighbours() if each.device in admins]
        for neighbour in reached[:APPLICANT_FANOUT]:
            self._send(Applicant(claim.encode()), neighbour.endpoint)
        if not reached and self._own_admin() is None:
            for device in admins[:ADMINS_SOUGHT]:
                self._want(device)

    def _note(self, claim: JoinClaim) -> bool:
        """Keep a claim for people to see; False if there is no room."""
        now = self._control.clock.monotonic()
        self._forget_settled()
        known = self._waiting.get(claim.device)
        if known is not None:
            self._waiting[claim.device] = replace(known, claim=claim, asked=now)
            return True
        invite = self._holdings.roster.invite(claim.invite)
        same = [key for key, each in self._waiting.items() if each.claim.invite == claim.invite]
        crowd = same if len(same) >= APPLICANTS_PER_INVITE else list(self._waiting)
        if invite is None or (
            (crowd is same or len(crowd) >= APPLICANTS_MAX) and not self._make_room(crowd, now)
        ):
            self.outcomes["no room"] += 1
            return False
        unix = self._control.clock.unix()
        self._waiting[claim.device] = Waiting(claim, invite, since=unix, asked=now)
        return True

    def _make_room(self, crowd: list[VerifyKey], now: float) -> bool:
        """Let go of the one of a crowd that was silent the longest, if it was for long."""
        silent = min(crowd, key=lambda key: self._waiting[key].asked)
        if now - self._waiting[silent].asked < SILENT_S:
            return False
        del self._waiting[silent]
        return True

    def _forget_settled(self) -> None:
        """Let go of those that are in by now, or cannot come in any more."""
        for key, waiting in list(self._waiting.items()):
            if self._refusal_of(waiting.claim) != Refusal.APPROVAL:
                del self._waiting[key]

    def _refusal_of(self, claim: JoinClaim) -> str | None:
        try:
            verify_claim(self._holdings.roster, claim, self._control.clock.unix())
        except Refused as refusal:
            return refusal.reason
        return None

    # --- for people --------------------------------------------------------------------------

    def waiting(self) -> list[Waiting]:
        """Those that wait, as far as this device has heard, the first first."""
        self._forget_settled()
        return list(self._waiting.values())

    async def approve(self, device: VerifyKey) -> None:
        """Let a device in that waits; it comes in when it asks again. Returns once the statement is
        on disk. Raises StateError, also if the device cannot come in any more."""
        waiting = self._pending(device)
        roster, unix = self._holdings.roster, self._control.clock.unix()
        try:
            invite = verify_claim(roster, waiting.claim, unix, approved=True)
        except Refused as refusal:
            raise StateError(
                f"{waiting.claim.name} cannot be let in: {refusal.reason}",
                f"refuse it: meshdht approve {waiting.claim.name} --deny",
            ) from None
        statement = write_admit(
            self._holdings.log,
            self._admin(),
            self._identity.signing,
            claim=waiting.claim,
            invite=invite,
            unix_ms=int(unix * 1000),
        )
        await self._write_down(statement)
        self._waiting.pop(device, None)
        self._denied.pop(device, None)

    def deny(self, device: VerifyKey, reason: str) -> None:
        """Refuse a device that waits; it is told why when it asks again. Raises StateError."""
        self._admin()
        self._pending(device)
        self._deny(device, reason)
        admins = self._other_admins()
        for neighbour in self._peers.neighbours():
            if neighbour.device in admins:
                self._send(Denial(device, reason), neighbour.endpoint)

    def _deny(self, device: VerifyKey, reason: str) -> None:
        self._waiting.pop(device, None)
        self._denied[device] = reason
        self._denied.move_to_end(device)
        if len(self._denied) > DENIALS_MAX:
            self._denied.popitem(last=False)

    def _pending(self, device: VerifyKey) -> Waiting:
        waiting = self._waiting.get(device)
        if waiting is None:
            raise StateError("no such device waits for approval", "see: meshdht approvals")
        return waiting

    def _admin(self) -> Device:
        own = self._own_admin()
        if own is None:
            raise StateError(
                "this device is not an admin of the network", "do this on an admin's device"
            )
        return own

    def _own_admin(self) -> Device | None:
        own = self._holdings.roster.device(self._identity.device)
        return own if own is not None and own.admin else None

    def _other_admins(self) -> list[DeviceId]:
        own = self._identity.device
        return [each.id for each in self._holdings.roster if each.admin and each.id != own]

    def _send(self, message: Message, to: Endpoint) -> None:
        send_gossip(self._identity, self._control, message, to, self._identity.generation)


def _refusal(reason: str) -> str:
    return f"{Refusal.DENIED}: {reason}" if reason else Refusal.DENIED
