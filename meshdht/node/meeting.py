"""The joiner's side of meeting a member at an anchor, for who is let in by none otherwise.

It binds at the relays of the anchors that its link names, by the key that its invite and the log
make (wire/meeting.py). Members that nobody reaches wait there, and bind too; through the port that
the relay lends to both, it asks as it asks anybody.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.membership.link import Link
from meshdht.node.control import ControlPort
from meshdht.node.joining import Joiner
from meshdht.node.relay_client import RelayClient
from meshdht.paths.candidate import PathKind
from meshdht.paths.legs import Legs, OpenPort
from meshdht.paths.relay import Binding
from meshdht.waiting import set_within
from meshdht.wire.channel import Incoming
from meshdht.wire.meeting import MEETING_SLOTS, meeting_key
from meshdht.wire.relay import Outcome, decode_bind_reply

# Nobody was there, or the relay was silent or full: it may be otherwise a little later.
AGAIN_S = 2.0
# A member answers within that; another joiner, by the same invite, does not.
ANSWER_S = 2.0


@dataclass(slots=True)
class _Place:
    endpoint: Endpoint
    """Where it is."""
    main: Endpoint
    """What leads there: the same, or a leg."""
    binding: Binding | None = None
    due: float = -math.inf
    """When to bind again."""
    slot: int = 0
    asked: Endpoint | None = None
    """The lent port at which the joiner asks."""
    asked_at: float = -math.inf


class JoinMeetings:
    """At all anchors that a link names; ``joiner`` asks where somebody has come."""

    def __init__(self, link: Link, own: DeviceId, control: ControlPort, joiner: Joiner) -> None:
        self._legs = Legs()
        self._client = RelayClient(own, control, self._legs)
        self._control = control
        self._joiner = joiner
        self._key = meeting_key(link.network, link.invite.invite_public)
        self._places = {
            anchor.id: _Place(anchor.endpoint, anchor.endpoint) for anchor in link.anchors
        }
        self._wake = asyncio.Event()

    def reached_by(self, host: str, leg: Endpoint, open_port: OpenPort) -> bool:
        """The anchors at an address are reached by a leg from now on; False: there are none."""
        found = [each for each in self._places.values() if each.endpoint.host == host]
        if not found:
            return False
        self._legs.opened(leg, PathKind.DIRECT, open_port)
        for place in found:
            self._go_by(place, leg)
        return True

    def left(self, leg: Endpoint) -> None:
        """A leg leads nowhere any more: what it led to is sought where it is."""
        self._legs.closed(leg)
        for place in self._places.values():
            if place.main == leg:
                self._go_by(place, place.endpoint)

    def _go_by(self, place: _Place, main: Endpoint) -> None:
        self._part(place)
        place.main, place.due = main, -math.inf
        self._wake.set()

    def received(self, incoming: Incoming) -> None:
        """A RELAY_REPLY came in; raises RemoteError for what is none."""
        reply = decode_bind_reply(incoming.packet.body)
        for place in self._places.values():
            binding = place.binding
            if binding is None or binding.token != reply.token:
                continue
            if self._client.heard(binding, incoming, reply):
                self._follow(place, binding)
                self._wake.set()

    def _follow(self, place: _Place, binding: Binding) -> None:
        """Ask where the relay has joined us to somebody, and nowhere else."""
        there = binding.there if binding.is_joined and not binding.is_over else None
        if there == place.asked:
            return
        if place.asked is not None:
            self._joiner.ask_no_more(place.asked)
        if there is not None:
            self._joiner.also_ask(there, self._key)
        place.asked, place.asked_at = there, self._control.clock.monotonic()

    def _part(self, place: _Place) -> None:
        if place.binding is not None:
            self._client.let_go(place.binding)
            place.binding = None
        if place.asked is not None:
            self._joiner.ask_no_more(place.asked)
            place.asked = None

    async def run(self) -> None:
        """Bind, and bind again, for ever."""
        while True:
            self._wake.clear()
            now = self._control.clock.monotonic()
            due = min((self._keep(*each, now) for each in self._places.items()), default=math.inf)
            await set_within(self._wake, None if due == math.inf else max(0.0, due - now))

    def _keep(self, relay: DeviceId, place: _Place, now: float) -> float:
        """Do what is due at one relay; returns when the next is."""
        if place.binding is None:
            if now < place.due:
                return place.due
            place.binding = self._client.binding(self._key, relay, place.main, place.slot)
        binding = place.binding
        self._client.poll(binding)
        is_vain = place.asked is not None and not self._joiner.is_answered(place.asked)
        if binding.is_over or (is_vain and now >= place.asked_at + ANSWER_S):
            self._part(place)
            is_crowded = is_vain or binding.why is Outcome.TAKEN
            uniform = self._control.entropy.uniform
            place.slot = int(uniform(0, MEETING_SLOTS - 1e-9)) if is_crowded else 0
            place.due = now + AGAIN_S * uniform(0.25, 1.0)
            return place.due
        return min(binding.deadline(), place.asked_at + ANSWER_S if is_vain else math.inf)

    def close(self, met_at: Endpoint | None) -> None:
        """Give back what relays lend, but for the way by which we came in: it is our first path."""
        for place in self._places.values():
            if place.asked is None or place.asked != met_at:
                self._part(place)
