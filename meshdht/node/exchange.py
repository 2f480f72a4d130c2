"""Network secrets from device to device: asked for, handed over, offered.

    who lacks it                                 who has it
      PROBE, under an older packet key    ──►    (opens, and is a member's)
      ◄──  SECRET_OFFER                          under the same key, no body
      SECRET_REQUEST                      ──►    boxed between the two
      ◄──  SECRET_HANDOVER                       boxed too; with the last statements

A device that goes over to another generation hands it to its neighbours unasked. Nobody who is
not in the roster draws an answer here, under whichever key; one that was put out hears that it
is, and no more (see outcasts).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import islice

from meshdht.crypto.boxes import BoxKey, device_box_key
from meshdht.crypto.keys import DeviceId, PacketKey, VerifyKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, RemoteError
from meshdht.limits import MAX_WANTED_PEERS, SECRET_REQUESTS_BURST, SECRET_REQUESTS_PER_S
from meshdht.membership.generations import Generation, anchor_hand_over
from meshdht.membership.roster import Anchor
from meshdht.node.allowance import Allowance
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.wire.channel import Incoming
from meshdht.wire.disco import open_probe
from meshdht.wire.handover import (
    Pair,
    SecretHandOver,
    open_hand_over,
    open_request,
    seal_hand_over,
    seal_request,
)
from meshdht.wire.join import JoinOutcome, seal_join_reply
from meshdht.wire.packet import MessageKind

# Statements that go along with a secret, as far as they fit: the rekey and what it builds on.
STATEMENTS = 4

Taken = Callable[[Generation, Sequence[bytes], DeviceId, Endpoint], None]
"""taken(generation, statements, giver, where it is)"""


class SecretExchange:
    """``on_hand_over`` hears of each secret that a member of our roster hands us."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        control: ControlPort,
        on_hand_over: Taken,
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._on_hand_over = on_hand_over
        self._box_key = lru_cache(MAX_WANTED_PEERS)(self._compute_key)
        self._allowance = Allowance(
            SECRET_REQUESTS_PER_S, SECRET_REQUESTS_BURST, control.clock.monotonic()
        )
        self.outcomes: Counter[str] = Counter()

    def _compute_key(self, key: VerifyKey) -> BoxKey:
        return device_box_key(self._identity.signing, key)

    def _pair(self, sender: DeviceId, receiver: DeviceId, message_id: bytes) -> Pair:
        """Us and a device of the roster; raises RemoteError if there is none."""
        other = receiver if sender == self._identity.device else sender
        member = self._holdings.roster.device(other)
        if member is None or other == self._identity.device:
            self.outcomes["stranger"] += 1
            raise Malformed("about secrets, of a device that is not in the roster")
        return Pair(self._box_key(member.verify_key), sender, receiver, message_id)

    # --- asking ------------------------------------------------------------------------------

    def ask(self, device: DeviceId, endpoint: Endpoint, under: PacketKey | None) -> None:
        """Ask a device for the secret of the current generation, under this packet key."""
        message_id = self._control.draw_message_id()
        try:
            pair = self._pair(self._identity.device, device, message_id)
        except RemoteError:
            return
        commitment = self._identity.generation.commitment(self._identity.network)
        body = seal_request(pair, self._control.draw_nonce(), commitment)
        self._control.send(MessageKind.SECRET_REQUEST, message_id, body, endpoint, under=under)

    def offer_received(self, incoming: Incoming) -> None:
        """Whom we probed has another secret, it says."""
        if self._is_within_rate():
            self.ask(incoming.packet.sender, incoming.source, incoming.under)

    def hand_over_received(self, incoming: Incoming) -> None:
        """Take what a member gives; raises RemoteError."""
        packet = incoming.packet
        pair = self._pair(packet.sender, self._identity.device, packet.message_id)
        given = open_hand_over(pair, packet.body)
        self.outcomes["taken"] += 1
        generation = Generation(given.number, given.secret)
        self._on_hand_over(generation, given.statements, packet.sender, incoming.source)

    # --- giving ------------------------------------------------------------------------------

    def probe_received(self, incoming: Incoming) -> None:
        """A probe came under the key of another generation: whoever wrote it, if it is a
        member, is told to ask. Raises RemoteError."""
        packet = incoming.packet
        pair = self._pair(packet.sender, self._identity.device, packet.message_id)
        open_probe(pair.key, packet.body, pair.sender, pair.receiver, packet.message_id)
        if self._is_within_rate():
            kind = MessageKind.SECRET_OFFER
            self._control.send(kind, packet.message_id, b"", incoming.source, under=incoming.under)

    def request_received(self, incoming: Incoming) -> None:
        """Hand over what we use to a member that has another; raises RemoteError."""
        packet = incoming.packet
        pair = self._pair(packet.sender, self._identity.device, packet.message_id)
        has = open_request(pair, packet.body)
        if has == self._identity.generation.commitment(self._identity.network):
            self.outcomes["has it"] += 1
        elif not self._is_within_rate():
            self.outcomes["too many"] += 1
        else:
            self.outcomes["given"] += 1
            self._give(packet.sender, incoming.source, packet.message_id, incoming.under)

    def hand(self, device: DeviceId, endpoint: Endpoint, under: PacketKey) -> None:
        """Hand what we use to a device unasked."""
        self._give(device, endpoint, self._control.draw_message_id(), under)

    def hand_anchor(self, anchor: Anchor, endpoint: Endpoint, last: Generation) -> None:
        """Hand an anchor the packet key that we use; ``last`` is what it has."""
        invites = self._holdings.roster.invites
        invite = next((each for each in invites if anchor.id in each.claimed_by), None)
        if invite is None:
            return
        message_id = self._control.draw_message_id()
        body = seal_join_reply(
            JoinOutcome.ADMITTED,
            anchor_hand_over(self._identity.generation, last.secret, invite.key).encode(),
            member=self._identity.signing,
            joiner=anchor.verify_key,
            message_id=message_id,
            nonce=self._control.draw_nonce(),
        )
        under = last.secret.packet_key
        self._control.send(MessageKind.ANCHOR_REPLY, message_id, body, endpoint, under=under)

    def _give(
        self, device: DeviceId, to: Endpoint, message_id: bytes, under: PacketKey | None
    ) -> None:
        try:
            pair = self._pair(self._identity.device, device, message_id)
        except RemoteError:
            return
        current = self._identity.generation
        hand_over = SecretHandOver(current.number, current.secret, self._statements())
        body = seal_hand_over(pair, self._control.draw_nonce(), hand_over)
        self._control.send(MessageKind.SECRET_HANDOVER, message_id, body, to, under=under)

    def _statements(self) -> list[bytes]:
        """The statement that began the generation in use, and the last before it, the nearest
        first."""
        rekey = self._holdings.roster.rekey
        if rekey is None:
            return []
        return [each.raw for each in islice(self._holdings.log.nearest(rekey.hash), STATEMENTS)]

    def _is_within_rate(self) -> bool:
        return self._allowance.take(self._control.clock.monotonic())
