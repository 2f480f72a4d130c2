"""The member's side of joining: judges a claim, admits, and hands over the network secret.

Any member does this, whoever wrote the invite. A claim is cheap to repeat and costs us two
signature checks, so that claims are worked on at a bounded rate.
"""

from __future__ import annotations

from collections import Counter

from meshdht.errors import Refused
from meshdht.limits import JOIN_REQUESTS_BURST, JOIN_REQUESTS_PER_S
from meshdht.membership.claims import JoinClaim, decode_claim
from meshdht.membership.generations import HandOver
from meshdht.membership.invites import verify_claim, write_admit
from meshdht.membership.statements import Statement
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.wire.channel import Incoming
from meshdht.wire.join import JoinOutcome, encode_reason, seal_join_reply
from meshdht.wire.packet import MessageKind


class Admission:
    """Answers join requests. ``admit`` returns the statement to keep and pass on, if any."""

    def __init__(self, identity: Identity, holdings: NodeHoldings, control: ControlPort) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._allowance = JOIN_REQUESTS_BURST
        self._counted_at = control.clock.monotonic()
        self.outcomes: Counter[str] = Counter()

    def judge(self, incoming: Incoming) -> tuple[JoinClaim, Statement | None] | None:
        """A good claim and the statement that admits it (None: it was admitted before).

        Answers with a refusal itself; None then. Raises Malformed for bytes that are no claim.
        """
        if not self._within_rate():
            self.outcomes["too many"] += 1
            return None
        claim = decode_claim(incoming.packet.body)
        if not claim.device.is_prime_order:
            # Nothing can be boxed to it, a refusal neither.
            self.outcomes["unusable key"] += 1
            return None
        roster = self._holdings.roster
        try:
            invite = verify_claim(roster, claim, self._control.clock.unix())
        except Refused as refusal:
            self.outcomes["refused"] += 1
            self._answer(incoming, claim, JoinOutcome.REFUSED, encode_reason(refusal.reason))
            return None
        own = roster.device(self._identity.device)
        if own is None or roster.device(claim.device) is not None:
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

    def hand_over(self, incoming: Incoming, claim: JoinClaim) -> None:
        """Answer with the secret, once the statement is kept."""
        member = self._holdings.roster.device(claim.device)
        if member is None:
            # A concurrent claim took the last use between judgement and fold.
            self.outcomes["lost the race"] += 1
            reason = encode_reason("another device used the invite first")
            self._answer(incoming, claim, JoinOutcome.REFUSED, reason)
            return
        self.outcomes["admitted"] += 1
        content = HandOver(self._identity.generation, member.admission).encode()
        self._answer(incoming, claim, JoinOutcome.ADMITTED, content)

    def _answer(
        self, incoming: Incoming, claim: JoinClaim, outcome: JoinOutcome, content: bytes
    ) -> None:
        message_id = incoming.packet.message_id
        body = seal_join_reply(
            outcome,
            content,
            member=self._identity.signing,
            joiner=claim.device,
            message_id=message_id,
            nonce=self._control.draw_nonce(),
        )
        if len(body) <= len(incoming.packet.body) or incoming.validated:
            self._control.send(MessageKind.JOIN_REPLY, message_id, body, incoming.source)

    def _within_rate(self) -> bool:
        now = self._control.clock.monotonic()
        earned = (now - self._counted_at) * JOIN_REQUESTS_PER_S
        self._allowance = min(JOIN_REQUESTS_BURST, self._allowance + earned)
        self._counted_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True
