"""The member's side of joining: judges a claim, admits, and hands over what the joiner needs.

A device gets the network secret, an anchor no more than the packet key. Any member does this,
whoever wrote the invite; what wants an admin's approval waits (see approvals.py). A member that
does not know the invite asks its neighbours before it refuses. A claim is cheap to repeat and
costs us two signature checks, so that claims are worked on at a bounded rate.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.errors import Refused, StateError
from meshdht.gossip.gossip import Neighbour
from meshdht.gossip.messages import Applicant, Denial
from meshdht.limits import JOIN_REQUESTS_BURST, JOIN_REQUESTS_PER_S
from meshdht.membership.anchor_claims import AnchorClaim, decode_anchor_claim
from meshdht.membership.claims import JoinClaim, decode_claim
from meshdht.membership.generations import HandOver, anchor_hand_over
from meshdht.membership.invites import Refusal, verify_anchor_claim, verify_claim, write_admit
from meshdht.membership.roster import Invite
from meshdht.membership.statements import Role, Statement
from meshdht.node.allowance import Allowance
from meshdht.node.approvals import Approvals
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.wire.channel import Incoming
from meshdht.wire.join import JoinOutcome, encode_reason, seal_join_reply
from meshdht.wire.packet import MessageKind

Claim = JoinClaim | AnchorClaim


# Before a claim by an unknown invite is refused, so many neighbours are asked for statements, this
# often at most, and have so many looks of so many seconds to answer.
ASK_AROUND_WIDTH = 3
ASK_AROUND_EVERY_S = 2.0
ASK_AROUND_LOOKS = 10
ASK_AROUND_LOOK_S = 0.1


class Admission:
    """Answers join requests. ``add`` keeps a statement and tells it to the others, ``flush`` waits
    until it is on disk, ``spawn`` does something behind our back, ``fetch`` asks one of the
    ``neighbours`` for the statements that we lack."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        control: ControlPort,
        add: Callable[[Statement], None],
        flush: Callable[[], Awaitable[None]],
        spawn: Callable[[Callable[[], Coroutine[None, None, None]]], None],
        neighbours: Callable[[], Sequence[Neighbour]],
        fetch: Callable[[Endpoint], None],
        approvals: Approvals,
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._add = add
        self._flush = flush
        self._spawn = spawn
        self._neighbours = neighbours
        self._fetch = fetch
        self._asked_around_at = -math.inf
        self.approvals = approvals
        self._allowance = Allowance(
            JOIN_REQUESTS_PER_S, JOIN_REQUESTS_BURST, control.clock.monotonic()
        )
        self.outcomes: Counter[str] = Counter()

    def requested(self, incoming: Incoming) -> None:
        """An invitee or an anchor asks; raises Malformed for bytes that are no claim."""
        if not self._within_rate():
            self.outcomes["too many"] += 1
            return
        claim = _decode(incoming)
        if not claim.key.is_prime_order:
            # Nothing can be boxed to it, a refusal neither.
            self.outcomes["unusable key"] += 1
        elif self._is_invite_missing(claim) and self._ask_around():
            self._spawn(lambda: self._judge_later(incoming, claim))
        else:
            self._judge_now(incoming, claim)

    def _is_invite_missing(self, claim: Claim) -> bool:
        role = Role.DEVICE if isinstance(claim, JoinClaim) else Role.ANCHOR
        return self._holdings.roster.invite(claim.invite, role) is None

    def _ask_around(self) -> bool:
        """Ask a few neighbours what they have that we lack; False if we did a moment ago, or have
        none: a link's holder shall not make us ask without end."""
        now = self._control.clock.monotonic()
        neighbours = self._neighbours()
        if not neighbours or now - self._asked_around_at < ASK_AROUND_EVERY_S:
            return False
        self._asked_around_at = now
        for _ in range(min(ASK_AROUND_WIDTH, len(neighbours))):
            at = int(self._control.entropy.uniform(0, len(neighbours) - 1e-9))
            self._fetch(neighbours[at].endpoint)
        return True

    async def _judge_later(self, incoming: Incoming, claim: Claim) -> None:
        """Once the invite is known, or those that were asked have had their time."""
        for _ in range(ASK_AROUND_LOOKS):
            await asyncio.sleep(ASK_AROUND_LOOK_S)
            if not self._is_invite_missing(claim):
                break
        self._judge_now(incoming, claim)

    def _judge_now(self, incoming: Incoming, claim: Claim) -> None:
        """Answer a claim: by a refusal at once, else once what admits it is kept."""
        try:
            invite = self._verify(claim)
        except Refused as refusal:
            if refusal.reason == Refusal.APPROVAL and isinstance(claim, JoinClaim):
                self._let_wait(incoming, claim)
            else:
                self._refuse(incoming, claim, refusal.reason)
            return
        own, statement = self._holdings.roster.device(self._identity.device), None
        if own is not None and not self._is_known(claim):
            statement = write_admit(
                self._holdings.log,
                own,
                self._identity.signing,
                claim=claim,
                invite=invite,
                unix_ms=int(self._control.clock.unix() * 1000),
            )
        self._spawn(lambda: self._admit(incoming, claim, statement))

    async def _admit(self, incoming: Incoming, claim: Claim, statement: Statement | None) -> None:
        """The statement is on disk and told to the others before the secret is given, also to a
        joiner that asks again while the disk is slow. None: it was admitted before."""
        try:
            if statement is not None:
                self._add(statement)
        except StateError:
            # Our keys say no more: it asks again, and others, or our next ones, answer.
            self.outcomes["too late"] += 1
            return
        await self._flush()
        self._hand_over(incoming, claim)

    def _let_wait(self, incoming: Incoming, claim: JoinClaim) -> None:
        refusal = self.approvals.ask(claim)
        if refusal is not None:
            self._refuse(incoming, claim, refusal)
            return
        self.outcomes["waiting"] += 1
        self._answer(incoming, claim, JoinOutcome.WAITING, b"")

    def heard(self, sender: DeviceId, source: Endpoint, message: Applicant | Denial) -> None:
        """A member tells of who waits, or does no more; raises Malformed."""
        if isinstance(message, Denial):
            self.approvals.denial_received(sender, message)
        elif self._within_rate():
            self.approvals.applicant_received(source, message)

    def _refuse(self, incoming: Incoming, claim: Claim, reason: str) -> None:
        self.outcomes["refused"] += 1
        if incoming.under is not None and not reason.startswith(Refusal.DENIED):
            # Whoever was put out may ask so for ever: it hears nothing.
            return
        self._answer(incoming, claim, JoinOutcome.REFUSED, encode_reason(reason))

    def _verify(self, claim: Claim) -> Invite:
        """The invite by which the claim is good now; raises Refused."""
        roster, unix = self._holdings.roster, self._control.clock.unix()
        if isinstance(claim, AnchorClaim):
            return verify_anchor_claim(roster, claim, unix)
        return verify_claim(roster, claim, unix)

    def _is_known(self, claim: Claim) -> bool:
        roster = self._holdings.roster
        known = roster.anchor if isinstance(claim, AnchorClaim) else roster.device
        return known(claim.key) is not None

    def _hand_over(self, incoming: Incoming, claim: Claim) -> None:
        """Answer with what the joiner needs, once the statement is kept."""
        content = self._content(incoming, claim)
        if content is None:
            # A concurrent claim took the last use between judgement and fold.
            self.outcomes["lost the race"] += 1
            self._refuse(incoming, claim, "another one used the invite first")
            return
        self.outcomes["admitted"] += 1
        self._answer(incoming, claim, JoinOutcome.ADMITTED, content)

    def _content(self, incoming: Incoming, claim: Claim) -> bytes | None:
        """The hand-over to whom the roster has, else None."""
        generation, roster = self._identity.generation, self._holdings.roster
        if isinstance(claim, AnchorClaim):
            if roster.anchor(claim.anchor) is None:
                return None
            # It knows the word of the generation that it has, and learns that of ours.
            last = self._identity.under(incoming.under).secret
            return anchor_hand_over(generation, last, claim.invite).encode()
        member = roster.device(claim.device)
        return None if member is None else HandOver(generation, member.admission).encode()

    def _answer(
        self, incoming: Incoming, claim: Claim, outcome: JoinOutcome, content: bytes
    ) -> None:
        message_id = incoming.packet.message_id
        body = seal_join_reply(
            outcome,
            content,
            member=self._identity.signing,
            joiner=claim.key,
            message_id=message_id,
            nonce=self._control.draw_nonce(),
        )
        is_join = isinstance(claim, JoinClaim)
        kind = MessageKind.JOIN_REPLY if is_join else MessageKind.ANCHOR_REPLY
        if len(body) <= len(incoming.packet.body) or incoming.validated:
            self._control.send(kind, message_id, body, incoming.source, under=incoming.under)

    def _within_rate(self) -> bool:
        return self._allowance.take(self._control.clock.monotonic())


def _decode(incoming: Incoming) -> Claim:
    if incoming.packet.kind is MessageKind.ANCHOR_REQUEST:
        return decode_anchor_claim(incoming.packet.body)
    return decode_claim(incoming.packet.body)
