"""How an anchor comes to stand in the log: it asks members until one says that it does.

    anchor                                   member (any that it reaches)
      ANCHOR_REQUEST: anchor claim   ──►     verifies, logs the admission
      ◄──  ANCHOR_REPLY: generation, packet key, welcome (boxed to the anchor)

An answer counts by its welcome alone. A refusal may come from anybody who has the packet key: it
is told to the user, and the anchor goes on asking until its link expires. It serves meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import ANCHOR_ASKS
from meshdht.membership.anchor_claims import make_anchor_claim
from meshdht.membership.anchor_link import AnchorLink
from meshdht.membership.generations import AnchorHandOver, decode_anchor_hand_over
from meshdht.node.control import ControlPort
from meshdht.waiting import set_within
from meshdht.wire.channel import Incoming
from meshdht.wire.join import JoinOutcome, decode_reason, open_join_reply
from meshdht.wire.packet import MessageKind

STAGGER_S = 0.15
# Pauses between rounds; the last one repeats. The invite does not live long, nor does this.
PAUSES_S = (0.7, 2.0, 5.0, 15.0, 30.0)

NOBODY = "no device of the network has answered yet"
EXPIRED = "its link expired before a device of the network answered: give it a new one"


class Claimant:
    """Claims an anchor's invite; ``received`` takes the replies."""

    def __init__(
        self, link: AnchorLink, signing: SigningKey, name: str, control: ControlPort
    ) -> None:
        self._link = link
        self._signing = signing
        self._control = control
        self._message_id = control.draw_message_id()
        claimed_at = int(control.clock.unix())
        claim = make_anchor_claim(
            invite=link.invite, anchor=signing, name=name, claimed_at=claimed_at
        )
        self._claim = claim.encode()
        self._welcomed: asyncio.Future[AnchorHandOver] = asyncio.get_running_loop().create_future()
        self._speaker: Endpoint | None = None
        self._spoken = asyncio.Event()
        self.trouble = NOBODY
        """Why the anchor is not in the log yet, for people."""

    async def run(self, whom: Callable[[], Sequence[Endpoint]]) -> AnchorHandOver | None:
        """Ask ``whom()`` until one welcomes; None if the link expires before."""
        rounds = 0
        while not self._link.is_expired(self._control.clock.unix()):
            speaker = [self._speaker] if self._speaker is not None else []
            for endpoint in list(dict.fromkeys([*speaker, *whom()]))[:ANCHOR_ASKS]:
                request = MessageKind.ANCHOR_REQUEST
                self._control.send(request, self._message_id, self._claim, endpoint)
                if await self._is_welcome(STAGGER_S):
                    return self._welcomed.result()
            pause = PAUSES_S[min(rounds, len(PAUSES_S) - 1)]
            if await self._is_welcome(PAUSES_S[0]):
                return self._welcomed.result()
            await self._pause(pause * self._control.entropy.uniform(0.8, 1.2) - PAUSES_S[0])
            if self._welcomed.done():
                return self._welcomed.result()
            rounds += 1
        self.trouble = EXPIRED
        return None

    def spoken_to(self, endpoint: Endpoint) -> None:
        """Somebody asked us something, maybe a member behind a NAT that lets us in just now."""
        self._speaker = endpoint
        self._spoken.set()

    async def _pause(self, pause: float) -> None:
        """Until it is time, or somebody speaks."""
        self._spoken.clear()
        await set_within(self._spoken, pause)

    async def _is_welcome(self, timeout_s: float) -> bool:
        await asyncio.wait([self._welcomed], timeout=timeout_s)
        return self._welcomed.done()

    def received(self, incoming: Incoming) -> None:
        """Take a reply; raises RemoteError for one that is not what it should be."""
        reply = open_join_reply(
            incoming.packet.body, joiner=self._signing, message_id=self._message_id
        )
        if reply.outcome is JoinOutcome.REFUSED:
            self.trouble = f"refused: {decode_reason(reply.content)}"
            return
        hand_over = decode_anchor_hand_over(reply.content)
        if hand_over.welcome != self._link.welcome:
            raise Malformed("a welcome by one who is no member")
        if not self._welcomed.done():
            self.trouble = ""
            self._welcomed.set_result(hand_over)
            self._spoken.set()
