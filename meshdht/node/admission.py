"""The member's side of joining: judges a claim, admits, and hands over what the joiner needs.

A device gets the network secret, an anchor no more than the packet key. Any member does this,
whoever wrote the invite. A claim is cheap to repeat and costs us two
signature checks, so that claims are worked on at a bounded rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine

from meshdht.errors import Refused
from meshdht.limits import JOIN_REQUESTS_BURST, JOIN_REQUESTS_PER_S
from meshdht.membership.anchor_claims import AnchorClaim, decode_anchor_claim
from meshdht.membership.claims import JoinClaim, decode_claim
from meshdht.membership.generations import HandOver, anchor_hand_over
from meshdht.membership.invites import verify_anchor_claim, verify_claim, write_admit
from meshdht.membership.roster import Invite
from meshdht.membership.statements import Statement
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.wire.channel import Incoming
from meshdht.wire.join import JoinOutcome, encode_reason, seal_join_reply
from meshdht.wire.packet import MessageKind

Claim = JoinClaim | AnchorClaim


class Admission:
    """Answers join requests. ``add`` keeps a statement and tells it to the others, ``flush`` waits
    until it is on disk, ``spawn`` does something behind our back."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        control: ControlPort,
        add: Callable[[Statement], None],
        flush: Callable[[], Awaitable[None]],
        spawn: Callable[[Callable[[], Coroutine[None, None, None]]], None],
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._add = add
        self._flush = flush
        self._spawn = spawn
        self._allowance = JOIN_REQUESTS_BURST
        self._counted_at = control.clock.monotonic()
        self.outcomes: Counter[str] = Counter()

    def requested(self, incoming: Incoming) -> None:
        """An invitee or an anchor asks; raises Malformed for bytes that are no claim."""
        verdict = self.judge(incoming)
        if verdict is None:
            return
        claim, statement = verdict

        async def admit() -> None:
            """The statement is on disk and told to the others before the secret is given, also
            to a joiner that asks again while the disk is slow."""
            if statement is not None:
                self._add(statement)
            await self._flush()
            self.hand_over(incoming, claim)

        self._spawn(admit)

    def judge(self, incoming: Incoming) -> tuple[Claim, Statement | None] | None:
        """A good claim and the statement that admits it (None: it was admitted before).

        Answers with a refusal itself; None then. Raises Malformed for bytes that are no claim.
        """
        if not self._within_rate():
            self.outcomes["too many"] += 1
            return None
        claim = _decode(incoming)
        if not claim.key.is_prime_order:
            # Nothing can be boxed to it, a refusal neither.
            self.outcomes["unusable key"] += 1
            return None
        try:
            invite = self._verify(claim)
        except Refused as refusal:
            self.outcomes["refused"] += 1
            self._answer(incoming, claim, JoinOutcome.REFUSED, encode_reason(refusal.reason))
            return None
        own = self._holdings.roster.device(self._identity.device)
        if own is None or self._is_known(claim):
            return claim, None
        statement = write_admit(
            self._holdings.log,
            own,
            self._identity.signing,
            claim=claim,
            invite=invite,
            unix_ms=int(self._control.clock.unix() * 1000),
        )
        return claim, statement

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

    def hand_over(self, incoming: Incoming, claim: Claim) -> None:
        """Answer with what the joiner needs, once the statement is kept."""
        content = self._content(incoming, claim)
        if content is None:
            # A concurrent claim took the last use between judgement and fold.
            self.outcomes["lost the race"] += 1
            reason = encode_reason("another one used the invite first")
            self._answer(incoming, claim, JoinOutcome.REFUSED, reason)
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
        if incoming.under is not None and outcome is JoinOutcome.REFUSED:
            # Whoever was put out may ask so for ever: it hears nothing.
            return
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
        now = self._control.clock.monotonic()
        earned = (now - self._counted_at) * JOIN_REQUESTS_PER_S
        self._allowance = min(JOIN_REQUESTS_BURST, self._allowance + earned)
        self._counted_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


def _decode(incoming: Incoming) -> Claim:
    if incoming.packet.kind is MessageKind.ANCHOR_REQUEST:
        return decode_anchor_claim(incoming.packet.body)
    return decode_claim(incoming.packet.body)
