"""The links among the others: asked of the connected members while somebody looks, told to members.

Nothing of this happens in a mesh that nobody looks at. What others say is only to be shown: no path
is chosen, sought or given up by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.dht.rate import Rate
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Neighbour
from meshdht.limits import (
    LINKS_ASKED,
    LINKS_BURST,
    LINKS_MEMBER_BURST,
    LINKS_MEMBER_PER_S,
    LINKS_PER_S,
)
from meshdht.node.allowance import Allowance
from meshdht.node.boxed_talk import BoxedTalk
from meshdht.node.control import ControlPort
from meshdht.node.peers import Peers
from meshdht.paths.candidate import PathKind
from meshdht.wire.channel import Incoming
from meshdht.wire.links import AGAIN, Link, LinkKind, decode_links, encode_links
from meshdht.wire.packet import MessageKind

# An answer is good for so long: nobody is asked again within it, however many look.
FRESH_S = 4.0
# So long it is shown while no newer one comes.
KEPT_S = 30.0
# How long one who looks waits for answers; a datagram that was lost is sent again in it.
WAIT_S = 1.0
TRIES = 2

_KINDS = {
    PathKind.LAN: LinkKind.LAN,
    PathKind.DIRECT: LinkKind.DIRECT,
    PathKind.RELAY: LinkKind.RELAY,
}


@dataclass(slots=True)
class _Question:
    """What a member was asked, and when (monotonic)."""

    message_id: bytes
    to: Endpoint
    asked_at: float
    answered: asyncio.Future[None]
    repeated: bool = False
    """It said to ask again, and was."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a member said of its links, and when (monotonic)."""

    links: tuple[Link, ...]
    at: float


class LinkTalk:
    """One device's side."""

    def __init__(self, own_id: DeviceId, control: ControlPort, peers: Peers) -> None:
        self._control = control
        self._peers = peers
        self._talk = BoxedTalk(own_id, control, peers)
        self._members = Rate(LINKS_MEMBER_PER_S, LINKS_MEMBER_BURST)
        self._all = Allowance(LINKS_PER_S, LINKS_BURST, control.clock.monotonic())
        self._questions: dict[DeviceId, _Question] = {}
        self._told: dict[DeviceId, Told] = {}

    # --- asking ------------------------------------------------------------------------------

    async def survey(self) -> Mapping[DeviceId, Told]:
        """Ask the connected members, but those that have told just now; returns what each of them
        said last, once all have answered, or after WAIT_S."""
        now = self._control.clock.monotonic()
        asked = {each.device: self._ask(each, now) for each in self._unheard(now)}
        for number in range(TRIES):
            if number:
                for device, question in asked.items():
                    if not question.answered.done():
                        self._put(device, question)
            # What another one who looks has asked just now is waited for as well.
            open_since = now - WAIT_S
            waiting = [
                each.answered
                for each in self._questions.values()
                if each.asked_at > open_since and not each.answered.done()
            ]
            if waiting:
                await asyncio.wait(waiting, timeout=WAIT_S / TRIES)
        return self._known()

    def _put(self, device: DeviceId, question: _Question) -> None:
        self._talk.send(MessageKind.LINKS_REQUEST, device, question.to, question.message_id)

    def _unheard(self, now: float) -> list[Neighbour]:
        """Whom to ask: those whose words are oldest first."""
        due = [
            each for each in self._peers.neighbours() if now - self._last(each.device) >= FRESH_S
        ]
        return sorted(due, key=lambda each: self._last(each.device))[:LINKS_ASKED]

    def _last(self, device: DeviceId) -> float:
        """When a member was asked last."""
        question = self._questions.get(device)
        return question.asked_at if question is not None else float("-inf")

    def _ask(self, neighbour: Neighbour, now: float) -> _Question:
        device, endpoint = neighbour
        before = self._questions.get(device)
        if before is not None:
            before.answered.cancel()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        question = _Question(self._control.draw_message_id(), endpoint, now, future)
        self._questions[device] = question
        self._put(device, question)
        return question

    def _known(self) -> dict[DeviceId, Told]:
        """What members that are still there said of late; the rest is forgotten."""
        now = self._control.clock.monotonic()
        self._told = {
            device: told
            for device, told in self._told.items()
            if now - told.at <= KEPT_S and self._peers.is_member(device)
        }
        self._questions = {
            device: question
            for device, question in self._questions.items()
            if now - question.asked_at <= KEPT_S
        }
        return dict(self._told)

    # --- being asked, and answered -----------------------------------------------------------

    def handle(self, incoming: Incoming) -> None:
        """A LINKS_… packet came; raises RemoteError. Who is no member is passed over."""
        packet = incoming.packet
        reader = self._talk.open(incoming)
        if reader is None:
            return
        if packet.kind is MessageKind.LINKS_REPLY:
            self._answered(packet.sender, packet.message_id, decode_links(reader))
            return
        now = self._control.clock.monotonic()
        if self._members.allows(str(packet.sender), now) and self._all.take(now):
            content = encode_links(self.own(packet.sender)) if incoming.validated else AGAIN
            kind = MessageKind.LINKS_REPLY
            self._talk.send(kind, packet.sender, incoming.source, packet.message_id, content)

    def own(self, but: DeviceId | None = None) -> list[Link]:
        """This device's own links, but for that to one who knows it; those in use first."""
        others = [each.device for each in self._peers.neighbours() if each.device != but]
        others.sort(key=lambda device: not self._peers.is_needed(device))
        found = []
        for device in others:
            path = self._peers.path(device)
            if (kind := _KINDS.get(path.kind)) is not None:
                found.append(Link(device, kind, path.rtt_s, path.loss))
        return found

    def _answered(self, device: DeviceId, message_id: bytes, links: list[Link] | None) -> None:
        question = self._questions.get(device)
        if question is None or question.message_id != message_id or question.answered.done():
            return
        if links is not None:
            # One link to each: a teller that names one twice is not believed more.
            first = {link.device: link for link in reversed(links)}
            self._told[device] = Told(tuple(first.values()), self._control.clock.monotonic())
            question.answered.set_result(None)
        elif not question.repeated:
            question.repeated = True
            self._put(device, question)
