"""How an anchor that stands in the log follows the network to another generation.

A member that has gone over hands it the new packet key, boxed to it, under the old one. An anchor
that was off then asks, once nobody answers it: a member opens its claim under the old key too.

    anchor                                   member
      ANCHOR_REQUEST: anchor claim   ──►     (only if nobody answers it)
      ◄──  ANCHOR_REPLY: anchor's hand-over, with the welcome that the anchor has, and the next

The welcome follows from the secret of the generation that the anchor serves: after a revocation
the next one is unknown to who was revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import ANCHOR_ASKS
from meshdht.membership.anchor_claims import make_anchor_claim
from meshdht.membership.anchor_link import AnchorLink
from meshdht.membership.generations import AnchorHandOver, decode_anchor_hand_over
from meshdht.node.control import ControlPort
from meshdht.wire.channel import Incoming
from meshdht.wire.join import JoinOutcome, open_join_reply
from meshdht.wire.packet import MessageKind


class Follower:
    """``on_hand_over`` hears of each generation that a member hands over, to go over to it."""

    def __init__(
        self,
        link: AnchorLink,
        signing: SigningKey,
        name: str,
        control: ControlPort,
        on_hand_over: Callable[[AnchorHandOver], None],
    ) -> None:
        self._link = link
        self._signing = signing
        self._name = name
        self._control = control
        self._on_hand_over = on_hand_over

    def ask(self, whom: Iterable[Endpoint]) -> None:
        """Nobody answers us: it may be that they have another packet key."""
        claim = make_anchor_claim(
            invite=self._link.invite,
            anchor=self._signing,
            name=self._name,
            claimed_at=int(self._control.clock.unix()),
        )
        body = claim.encode()
        for endpoint in list(dict.fromkeys(whom))[:ANCHOR_ASKS]:
            message_id = self._control.draw_message_id()
            self._control.send(MessageKind.ANCHOR_REQUEST, message_id, body, endpoint)

    def received(self, incoming: Incoming) -> None:
        """Take a hand-over; raises RemoteError for one that is not what it should be."""
        packet = incoming.packet
        reply = open_join_reply(packet.body, joiner=self._signing, message_id=packet.message_id)
        if reply.outcome is JoinOutcome.REFUSED:
            return
        hand_over = decode_anchor_hand_over(reply.content)
        if hand_over.welcome != self._link.welcome:
            raise Malformed("a hand-over by one who is no member")
        if hand_over.packet_key != self._link.packet_key:
            self.taken(hand_over)
            self._on_hand_over(hand_over)

    def taken(self, hand_over: AnchorHandOver) -> None:
        """This is what the anchor has now."""
        self._link = replace(
            self._link,
            packet_key=hand_over.packet_key,
            generation=hand_over.generation,
            welcome=hand_over.next_welcome,
        )
