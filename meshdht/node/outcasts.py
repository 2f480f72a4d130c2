"""Tells a device that was put out while it was off that it is, and by what; and hears it.

    who is out                               a member that knows
      PROBE, under the last packet key  ──►  (boxed by the key that is out)
      ◄──  SECRET_OFFER
      SECRET_REQUEST                    ──►
      ◄──  SECRET_REFUSAL                    boxed; statements that it can judge by its own log

It asks as any device does that has slept through a rotation (see exchange). Only whoever has the
private key that is out can ask, the answer is no larger than the question, and hardly ever comes:
a thief learns that the device is out, by whom, and that somebody is there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache

from meshdht.crypto.boxes import BoxKey, device_box_key
from meshdht.crypto.derive import message_digest
from meshdht.crypto.keys import DeviceId, VerifyKey
from meshdht.errors import Malformed
from meshdht.limits import (
    OUTCAST_ANSWERS,
    OUTCAST_WINDOW_S,
    OUTCASTS_BURST,
    OUTCASTS_PER_S,
    OUTCASTS_REMEMBERED,
)
from meshdht.membership.outcasts import Verdict, evidence, hold_out, judge, outcasts
from meshdht.membership.roster import Roster
from meshdht.membership.statements import StatementHash
from meshdht.node.allowance import Allowance
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.wire.channel import Incoming
from meshdht.wire.disco import open_probe
from meshdht.wire.handover import Pair, open_refusal, open_request, seal_refusal
from meshdht.wire.packet import MessageKind

# A device that is not reached is asked once an hour at least.
HELD_OUT_REMEMBERED_S = 2 * 3600.0


class Outcasts:
    """``put_out(verdict)`` hears that this device is one, by statements that its log lacks the
    ground for. What the log can take changes the roster instead, and is told by ``push``."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        control: ControlPort,
        put_out: Callable[[Verdict], None],
        push: Callable[[Sequence[bytes], DeviceId], None],
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._put_out = put_out
        self._push = push
        self._box_key = lru_cache(OUTCASTS_REMEMBERED)(self._compute_key)
        self._roster: Roster | None = None
        self._keys: dict[DeviceId, VerifyKey] = {}
        self._answered: OrderedDict[DeviceId, list[float]] = OrderedDict()
        self._held_out_by: OrderedDict[DeviceId, float] = OrderedDict()
        self._allowance = Allowance(OUTCASTS_PER_S, OUTCASTS_BURST, control.clock.monotonic())

    def _compute_key(self, key: VerifyKey) -> BoxKey:
        return device_box_key(self._identity.signing, key)

    def has(self, device: DeviceId) -> bool:
        """Whether a device is out that can be told why."""
        if self._roster is not self._holdings.roster:
            self._roster = self._holdings.roster
            self._keys = outcasts(self._holdings.log, self._roster)
        return device in self._keys

    # --- telling -----------------------------------------------------------------------------

    def handle(self, incoming: Incoming) -> None:
        """One of those asks; raises RemoteError."""
        packet = incoming.packet
        key = self._keys[packet.sender]
        if not key.is_prime_order or not self._may_try():
            return
        box_key, own = self._box_key(key), self._identity.device
        asked = Pair(box_key, packet.sender, own, packet.message_id)
        if packet.kind is MessageKind.PROBE:
            open_probe(box_key, packet.body, asked.sender, asked.receiver, packet.message_id)
            kind, body = MessageKind.SECRET_OFFER, b""
        else:
            open_request(asked, packet.body)
            answer = Pair(box_key, own, packet.sender, packet.message_id)
            statements = evidence(self._holdings.log, self._holdings.roster, key)
            kind = MessageKind.SECRET_REFUSAL
            body = seal_refusal(answer, self._control.draw_nonce(), statements)
        if self._may_answer(packet.sender):
            self._control.send(kind, packet.message_id, body, incoming.source, under=incoming.under)

    def _may_try(self) -> bool:
        """What is boxed costs its opening."""
        return self._allowance.take(self._control.clock.monotonic())

    def _may_answer(self, device: DeviceId) -> bool:
        now = self._control.clock.monotonic()
        recent = [at for at in self._answered.pop(device, ()) if now - at < OUTCAST_WINDOW_S]
        may = len(recent) < OUTCAST_ANSWERS
        self._answered[device] = [*recent, now] if may else recent
        if len(self._answered) > OUTCASTS_REMEMBERED:
            self._answered.popitem(last=False)
        return may

    # --- hearing -----------------------------------------------------------------------------

    def refusal_received(self, incoming: Incoming) -> None:
        """A member says that this device is out, or that the member itself is not what we know it
        by any more; raises RemoteError."""
        packet, holdings = incoming.packet, self._holdings
        member = holdings.roster.device(packet.sender)
        if member is None or member.id == self._identity.device:
            raise Malformed("a refusal by one that is not in the roster")
        box_key = self._box_key(member.verify_key)
        pair = Pair(box_key, packet.sender, self._identity.device, packet.message_id)
        statements = open_refusal(pair, packet.body)
        new, _ = holdings.take_statements(statements)
        if new:
            self._push(new, packet.sender)
        own = holdings.roster.device(self._identity.device)
        if own is None:
            return
        lacking = [raw for raw in statements if not self._is_in_log(raw)]
        verdict = judge(holdings.log, holdings.roster, own, lacking)
        if verdict is not None:
            self._put_out(verdict)
        elif hold_out(holdings.log, own, statements):
            self._held_out_by.pop(packet.sender, None)
            self._held_out_by[packet.sender] = self._control.clock.unix()
            if len(self._held_out_by) > OUTCASTS_REMEMBERED:
                self._held_out_by.popitem(last=False)

    def held_out_by(self) -> list[DeviceId]:
        """The members that said in the last hours that this one is revoked, while by the log it is
        not: two admins revoked each other, and they follow the other one."""
        now = self._control.clock.unix()
        return [each for each, at in self._held_out_by.items() if now - at < HELD_OUT_REMEMBERED_S]

    def _is_in_log(self, raw: bytes) -> bool:
        """Then the fold has judged it."""
        return self._holdings.knows(StatementHash(message_digest("statement", raw)))
