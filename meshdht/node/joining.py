"""The joiner's side of joining: from a link to a place in the roster.

    joiner                                   member (any that a hint reaches)
      JOIN_REQUEST: claim            ──►     verifies, admits, keeps the statement
      ◄──  JOIN_REPLY: generation, secret    (boxed to the joiner)
      GOSSIP fetch                   ──►
      ◄──  GOSSIP statements                 until the log bears the hand-over out

The hints are asked one shortly after the other and again until one has let us in: a hint may be
off, or not have heard of the invite yet. A refusal counts only when nobody else admits, but an
admin's word against the device ends it. Where an admin has to approve it, the members answer
"waiting", and the joiner goes on asking, less often and for longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.keys import DeviceId, SigningKey, VerifyKey, WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.errors import JoinFailed, LinkError, Refused, RemoteError
from meshdht.gossip.messages import Fetch, Statements, open_gossip, seal_gossip
from meshdht.limits import JOIN_OFFERS_MAX
from meshdht.membership.claims import make_claim
from meshdht.membership.fold import fold
from meshdht.membership.generations import HandOver, decode_hand_over, refuse_hand_over
from meshdht.membership.invites import Refusal
from meshdht.membership.link import Link
from meshdht.membership.log import MembershipLog
from meshdht.node.control import ControlPort
from meshdht.node.identity import Identity
from meshdht.wire.channel import Incoming
from meshdht.wire.join import JoinOutcome, decode_reason, open_join_reply
from meshdht.wire.meeting import seal_claim
from meshdht.wire.packet import MessageKind

STAGGER_S = 0.15
RETRY_S = 0.7
# Between rounds while an admin's approval is waited for.
WAITING_S = 3.0


@dataclass(frozen=True, slots=True)
class Joined:
    """What a joiner has once it is in."""

    identity: Identity
    log: MembershipLog
    member: DeviceId
    endpoint: Endpoint
    """The member that let us in, and where it answered."""
    unix: float = 0.0
    """How it dated its answer."""


@dataclass(slots=True)
class _Offer:
    """A hand-over, and the log as far as its giver has sent it."""

    hand_over: HandOver
    member: VerifyKey
    log: MembershipLog
    source: Endpoint
    unix: float


@dataclass(slots=True)
class _Progress:
    offers: dict[Endpoint, _Offer] = field(default_factory=dict)
    refusals: dict[str, None] = field(default_factory=dict)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    joined: Joined | None = None
    waits: bool = False
    """In this round, a member said that an admin has to approve us."""


class Joiner:
    """One attempt to join; ``received`` takes what the control port let in, ``on_waiting`` is
    called when an admin's approval begins to be waited for."""

    def __init__(
        self,
        link: Link,
        signing: SigningKey,
        wireguard: WireGuardPrivateKey,
        name: str,
        control: ControlPort,
        on_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_waiting = on_waiting
        self._link = link
        self._signing = signing
        self._wireguard = wireguard
        self._control = control
        self._message_id = control.draw_message_id()
        self._claim = make_claim(
            network=link.network,
            invite=link.invite,
            device=signing,
            wireguard_key=wireguard.public,
            name=name,
            claimed_at=int(control.clock.unix()),
        ).encode()
        self._progress = _Progress()
        self._others: dict[Endpoint, None] = {}
        """Whom to ask beside the hints."""
        self._sealed: dict[Endpoint, BoxKey] = {}
        """Where what we ask passes, or passed, through other hands, and what seals it."""
        self._answered: set[Endpoint] = set()
        """Of those, where a member has answered."""

    def also_ask(self, endpoint: Endpoint, key: BoxKey | None = None) -> None:
        """A member may answer here as well. With a key: what passes here is sealed by it, since a
        relay has joined us to somebody that has it too."""
        if key is not None:
            self._sealed[endpoint] = key
        self._others[endpoint] = None
        self._ask(endpoint)

    def is_answered(self, endpoint: Endpoint) -> bool:
        """Whether it was a member whom we met by a relay there."""
        return endpoint in self._answered

    def ask_no_more(self, endpoint: Endpoint) -> None:
        """Nobody is there any more."""
        self._answered.discard(endpoint)
        self._others.pop(endpoint, None)

    async def run(
        self, hints: Sequence[Endpoint], timeout_s: float, patience_s: float = 0.0
    ) -> Joined:
        """Ask until admitted, for ``timeout_s``, or for ``patience_s`` if an admin has to approve;
        raises LinkError (refused by a member) or JoinFailed."""
        begun = asyncio.get_running_loop().time()
        has_waited = False
        try:
            async with asyncio.timeout(timeout_s) as limit:
                while self._progress.joined is None:
                    await self._round(hints)
                    if self._progress.waits and not has_waited:
                        has_waited = True
                        limit.reschedule(begun + max(timeout_s, patience_s))
                        self._on_waiting()
        except TimeoutError:
            if has_waited:
                raise JoinFailed(
                    f"no admin of {self._link.network_name!r} has approved this device yet",
                    "join again with the same link: it keeps its place in meshdht approvals",
                ) from None
            raise self._failure(hints, timeout_s) from None
        return self._progress.joined

    async def _round(self, hints: Sequence[Endpoint]) -> None:
        if self._progress.waits:
            # Each round while we wait is asked anew: an invite may expire meanwhile.
            self._progress.waits = False
            self._progress.refusals.clear()
        for offer in list(self._progress.offers.values()):
            self._fetch(offer)
        for hint in (*self._others, *hints):
            self._ask(hint)
            if await self._hears_of_success(STAGGER_S):
                return
        self._raise_denial()
        if self._progress.refusals and not self._progress.offers and not self._progress.waits:
            # Everybody who is there has answered by now, unless slow: give one more round trip.
            if not await self._hears_of_success(RETRY_S):
                self._raise_final_refusal()
        await self._hears_of_success(WAITING_S if self._progress.waits else RETRY_S)

    def _ask(self, endpoint: Endpoint) -> None:
        kind, body = MessageKind.JOIN_REQUEST, self._claim
        if (key := self._sealed.get(endpoint)) is not None:
            nonce = self._control.draw_nonce()
            kind, body = MessageKind.JOIN_SEALED, seal_claim(key, nonce, body, self._message_id)
        self._control.send(kind, self._message_id, body, endpoint)

    async def _hears_of_success(self, timeout_s: float) -> bool:
        """Wait for news; True once joined."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while self._progress.joined is None and loop.time() < end:
            self._progress.heard.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._progress.heard.wait()
            except TimeoutError:
                break
        return self._progress.joined is not None

    def _raise_final_refusal(self) -> None:
        # A member that does not know the invite may hear of it yet; other reasons stay.
        final = [each for each in self._progress.refusals if each != Refusal.UNKNOWN_INVITE]
        if final:
            raise self._refused(final[0])

    def _raise_denial(self) -> None:
        said = [each for each in self._progress.refusals if each.startswith(Refusal.DENIED)]
        if said and not self._progress.offers:
            raise self._refused(said[0])

    def _refused(self, reason: str) -> LinkError:
        return LinkError(
            f"network {self._link.network_name!r} refused this device: {reason}",
            "ask for a new link: meshdht invite, on a device of the network",
        )

    def _failure(self, hints: Sequence[Endpoint], timeout_s: float) -> JoinFailed:
        where = ", ".join(str(hint) for hint in hints)
        if self._progress.refusals:
            reason = next(iter(self._progress.refusals))
            return JoinFailed(f"no member of {self._link.network_name!r} let us in: {reason}")
        return JoinFailed(
            f"no device of {self._link.network_name!r} answered within {timeout_s:.0f} s ({where})",
            "is one of its devices on, and is UDP to it allowed? A link names the devices that "
            "were reachable when it was made",
        )

    def received(self, incoming: Incoming) -> None:
        """Take a packet; raises RemoteError for one that is not what it should be."""
        if incoming.packet.kind is MessageKind.JOIN_REPLY:
            self._reply_received(incoming)
        elif incoming.packet.kind is MessageKind.GOSSIP:
            self._gossip_received(incoming)

    def _reply_received(self, incoming: Incoming) -> None:
        reply = open_join_reply(
            incoming.packet.body, joiner=self._signing, message_id=self._message_id
        )
        if incoming.source in self._sealed:
            self._answered.add(incoming.source)
        if reply.outcome is JoinOutcome.REFUSED:
            if len(self._progress.refusals) < JOIN_OFFERS_MAX:
                self._progress.refusals[decode_reason(reply.content)] = None
            self._progress.heard.set()
            return
        if reply.outcome is JoinOutcome.WAITING:
            self._progress.waits = True
            self._progress.heard.set()
            return
        if incoming.source in self._progress.offers:
            return
        if len(self._progress.offers) >= JOIN_OFFERS_MAX:
            return
        hand_over = decode_hand_over(reply.content)
        log = MembershipLog(self._link.network)
        unix = incoming.packet.sent_at_ms / 1000
        offer = _Offer(hand_over, reply.member, log, incoming.source, unix)
        self._progress.offers[incoming.source] = offer
        offered = [each.hand_over.generation.secret for each in self._progress.offers.values()]
        self._control.rekey(self._link.packet_key, [each.packet_key for each in offered])
        self._fetch(offer)

    def _fetch(self, offer: _Offer) -> None:
        secret = offer.hand_over.generation.secret
        own_id = self._signing.public.device_id
        message = Fetch(tuple(offer.log.heads()[:1]))
        body = seal_gossip(secret.gossip_key, self._control.draw_nonce(), own_id, message)
        message_id = self._control.draw_message_id()
        # The network may have rotated since the link was made.
        self._control.send(
            MessageKind.GOSSIP, message_id, body, offer.source, under=secret.packet_key
        )

    def _gossip_received(self, incoming: Incoming) -> None:
        offer = self._progress.offers.get(incoming.source)
        if offer is None or self._progress.joined is not None:
            return
        key = offer.hand_over.generation.secret.gossip_key
        message = open_gossip(key, incoming.packet.sender, incoming.packet.body)
        if not isinstance(message, Statements):
            return
        grew = False
        for statement in message.statements:
            try:
                grew |= bool(offer.log.add(statement).added)
            except RemoteError:
                continue
        if self._bears_out(offer):
            generation = offer.hand_over.generation
            identity = Identity(self._signing, self._wireguard, self._link.network, generation)
            self._progress.joined = Joined(
                identity, offer.log, offer.member.device_id, offer.source, offer.unix
            )
            self._progress.heard.set()
        elif grew:
            self._fetch(offer)

    def _bears_out(self, offer: _Offer) -> bool:
        """Whether the log shows that the giver is a member and that we are admitted."""
        if offer.hand_over.admit not in offer.log:
            return False
        try:
            refuse_hand_over(
                offer.hand_over,
                log=offer.log,
                roster=fold(offer.log),
                own=self._signing.public,
                admitter=offer.member,
            )
        except Refused as refusal:
            self._progress.refusals[refusal.reason] = None
            return False
        return True
