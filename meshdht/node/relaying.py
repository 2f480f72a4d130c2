"""Relays as a device uses them: for each peer that is needed and that no direct path leads to,
it binds at two (paths/relay.py), and tells the peer by a call, which binds there too.

The ports that they lend are pairs of the peer's path agent like any other endpoint: the agent
takes the quicker, leaves it when it dies, and leaves both for a direct path. They are let go of
once nobody needs them; after a direct path has come they are only renewed no more, since the peer
may still be sending that way.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import NOWHERE, Endpoint
from meshdht.limits import CALL_RELAYS_MAX
from meshdht.node.control import ControlPort
from meshdht.node.identity import Identity
from meshdht.node.invite_meetings import InviteMeetings
from meshdht.node.peers import Peers
from meshdht.node.relay_client import RelayClient
from meshdht.node.relay_effort import Effort
from meshdht.node.relay_places import (
    WIDTH,
    RelayPlace,
    RelayPlaces,
    nearest_first,
    or_unknown,
)
from meshdht.node.relay_waits import RelayWaits
from meshdht.node.vantage import Lent
from meshdht.paths.candidate import PathKind
from meshdht.paths.relay import Binding, Phase
from meshdht.waiting import set_within
from meshdht.wire.call import RelayHint
from meshdht.wire.channel import Incoming
from meshdht.wire.relay import SLOT_S, decode_bind_reply

# The least patient NATs forget a mapping after 30 s.
HOLD_OPEN_S = 20.0
# What we gave back, the relay may still be passing on for so long.
REMEMBER_S = 120.0
NAP_S = 5.0
# A farewell may get lost, or a relay may ask for another proof of our address first.
FAREWELLS = 2
FAREWELL_PAUSE_S = 0.3


class Relays:
    """``places()`` looks up the relays that we know; ``is_ours(id)``: it is a device or an anchor
    of the network; ``lonely()`` are the peers that we lack and that calls may not come from;
    ``meetings`` knows who may come by an invite; ``call(device)`` tells a peer where we bind."""

    def __init__(
        self,
        identity: Identity,
        control: ControlPort,
        peers: Peers,
        places: Callable[[], Mapping[DeviceId, RelayPlace]],
        is_ours: Callable[[DeviceId], bool],
        lonely: Callable[[], Sequence[DeviceId]],
        meetings: InviteMeetings,
        call: Callable[[DeviceId], object],
    ) -> None:
        self._own_id = identity.device
        self._control = control
        self._client = RelayClient(identity.device, control, peers.vantage.legs)
        self._peers = peers
        self._places = RelayPlaces(places)
        self._is_ours = is_ours
        self._meetings = meetings
        self._call = call
        self._efforts: dict[DeviceId, Effort] = {}
        self._wake = asyncio.Event()
        self._looked = -math.inf
        """When all peers were looked at last."""
        self._is_leaving = False
        self._stays = False
        self._waits = RelayWaits(
            self._client,
            control,
            peers,
            self._places,
            lambda: [each for each in lonely() if each not in self._efforts],
            meetings,
            self._bind,
        )

    def wake(self) -> None:
        """Somebody is needed who was not, or reached otherwise than before, or may relay."""
        self._looked = -math.inf
        self._places.look_again()
        self._wake.set()

    # --- where to meet -----------------------------------------------------------------------

    def hints(self, device: DeviceId) -> list[RelayHint]:
        """What a call to a device is to say of relays: where we bind for it; if we need it, and
        no direct path leads to it, that is somewhere."""
        now = self._control.clock.monotonic()
        if self._is_missed(device):
            self._ensure(device, now)
        effort = self._efforts.get(device)
        if effort is None:
            return []
        effort.tells(now)
        places = self._places.known(now)
        bound = [each for each in effort.bindings.values() if not each.is_over]
        return [
            RelayHint(
                each.relay, self._told(each.main), each.slot, _delay_s(places.get(each.relay))
            )
            for each in bound[:CALL_RELAYS_MAX]
        ]

    def _told(self, endpoint: Endpoint) -> Endpoint:
        """What others are told: a relay that we reach by a stream they must find by its id."""
        return NOWHERE if endpoint in self._peers.vantage.legs else endpoint

    def told(self, device: DeviceId, hints: Sequence[RelayHint], *, is_answer: bool) -> None:
        """A peer that calls us, or answers, says where it binds: bind there too. Of what a caller
        names, those are taken that both together reach soonest."""
        now = self._control.clock.monotonic()
        known = self._places.known(now)
        ways = []
        for hint in hints:
            if hint.relay in (device, self._own_id) or not self._is_ours(hint.relay):
                continue
            if (place := known.get(hint.relay) or self._place(hint)) is not None:
                ways.append((place, hint))
        ways.sort(
            key=lambda way: (
                or_unknown(way[0].delay_s) + or_unknown(way[1].delay_s),
                way[0].relay,
            )
        )
        ways = ways if is_answer else ways[:WIDTH]
        for place, hint in ways:
            self._bind(device, place, hint.slot)
        if hints and not is_answer and not any(place.relay in known for place, _ in ways):
            # We may reach none of these: our answer names one that we do.
            for place in self._able(device, now)[:1]:
                self._bind(device, place, hints[0].slot)

    def _place(self, hint: RelayHint) -> RelayPlace | None:
        """A relay that we do not know as one yet. Where we reach the device, by a stream say, goes
        before where the peer does."""
        path = self._peers.path(hint.relay)
        if path.endpoint is not None and path.kind is not PathKind.RELAY:
            return RelayPlace(hint.relay, path.endpoint, path.rtt_s)
        if self._peers.vantage.may_probe(hint.endpoint):
            return RelayPlace(hint.relay, hint.endpoint)
        return None

    def _is_missed(self, device: DeviceId) -> bool:
        is_direct = self._peers.path(device).kind in (PathKind.DIRECT, PathKind.LAN)
        return self._peers.is_needed(device) and not is_direct

    def _ensure(self, device: DeviceId, now: float) -> None:
        """Bind at as many relays as are wanted, if it is time, and have the peer called."""
        effort = self._efforts.setdefault(device, Effort())
        for binding in effort.bindings.values():
            binding.revive(now)
        lacking = WIDTH - len(effort.bindings)
        if lacking <= 0:
            return
        able = self._able(device, now)
        if now < effort.due:
            able = [place for place in able if place.relay not in effort.tried]
        if not able:
            return
        effort.begin(now)
        slot = int(self._control.clock.unix()) // SLOT_S
        for place in able[:lacking]:
            effort.tried.add(place.relay)
            self._bind(device, place, slot)

    def _able(self, device: DeviceId, now: float) -> list[RelayPlace]:
        """Relays that we know, and do not bind at for this peer; the nearest first. Those that are
        passed over are better than none: what kept them silent may have lasted seconds."""
        effort = self._efforts.get(device)
        bound = effort.bindings if effort is not None else {}
        places = [
            place
            for place in nearest_first(self._places.known(now).values())
            if place.relay not in bound and place.relay != device
        ]
        able = [place for place in places if not self._places.is_shunned(place.relay, now)]
        return able if able or bound else places

    def _bind(self, device: DeviceId, place: RelayPlace, slot: int) -> None:
        """Begin; a binding that both have is left as it is, unless it has had no answer where we
        do not reach the relay any more."""
        key = self._peers.box_key(device) or self._meetings.key(device)
        if key is None or self._is_leaving:
            return
        effort = self._efforts.setdefault(device, Effort())
        now = self._control.clock.monotonic()
        known = effort.bindings.get(place.relay)
        is_elsewhere = known and known.phase is Phase.ASKING and known.main != place.endpoint
        if known is not None and known.slot >= slot and not is_elsewhere:
            known.revive(now)
            return
        if known is not None:
            self._drop(device, known)
        elif len(effort.bindings) >= CALL_RELAYS_MAX:
            return
        binding = self._client.binding(key, place.relay, place.endpoint, slot, place.delay_s)
        effort.bindings[place.relay] = binding
        effort.next_look = now
        self._client.poll(binding)
        self._wake.set()

    # --- with the relays ---------------------------------------------------------------------

    def received(self, incoming: Incoming) -> None:
        """A RELAY_REPLY came in; raises RemoteError for what is none."""
        packet = incoming.packet
        reply = decode_bind_reply(packet.body)
        now = self._control.clock.monotonic()
        if self._waits.handle(incoming.source, packet.message_id, reply, now):
            return
        for device, effort in self._efforts.items():
            for binding in effort.bindings.values():
                if binding.token != reply.token:
                    continue
                was_joined, before = binding.is_joined, binding.there
                if self._client.heard(binding, incoming, reply):
                    if before is not None and before != binding.there:
                        self._give_back(before, now)
                    self._moved(device, effort, binding, was_joined, now)
                return

    def _moved(
        self, device: DeviceId, effort: Effort, binding: Binding, was_joined: bool, now: float
    ) -> None:
        """A relay has answered."""
        if binding.there is not None:
            lent = self._peers.vantage.lent
            known = lent.get(binding.there)
            if known is None or known.relay is None or known.ended is not None:
                lent[binding.there] = Lent(binding.relay, now)
        if binding.is_joined and not was_joined and binding.there is not None:
            effort.tries = 0
            self._peers.learn(device, [binding.there])
        self._client.poll(binding)
        effort.next_look = now
        self._wake.set()

    def network_changed(self) -> None:
        """Relays see us elsewhere from now on."""
        now = self._control.clock.monotonic()
        self._places.shun_none()
        self._waits.restart()
        for effort in self._efforts.values():
            effort.due, effort.tries = -math.inf, 0
            for binding in effort.bindings.values():
                binding.restart(now)
        self.wake()

    def stay(self) -> None:
        """Another process goes on for this one: what relays lend is to stay."""
        self._stays = True

    async def let_go(self) -> None:
        """This device goes: give back what relays lend, and take nothing any more."""
        if self._stays:
            return
        self._is_leaving = True
        held = [each for effort in self._efforts.values() for each in effort.bindings.values()]
        bound = [each for each in held if not each.is_over]
        for _ in range(FAREWELLS if bound else 0):
            for binding in bound:
                self._client.let_go(binding)
            await asyncio.sleep(FAREWELL_PAUSE_S)

    # --- life --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Bind, renew and let go, for ever."""
        while True:
            self._wake.clear()
            now = self._control.clock.monotonic()
            if now >= self._looked + NAP_S:
                self._look_at_all(now)
            self._waits.say(now)
            due = self._looked + NAP_S
            for device, effort in list(self._efforts.items()):
                if effort.next_look <= now:
                    effort.next_look = self._keep(device, effort, now)
                due = min(due, effort.next_look)
            await set_within(self._wake, max(0.0, due - now))

    def _look_at_all(self, now: float) -> None:
        self._looked = now
        for device in self._peers.needed():
            if self._is_missed(device):
                self._efforts.setdefault(device, Effort())
        for port in self._peers.vantage.forget_lent(now - REMEMBER_S):
            self._peers.forget(port)
        for effort in self._efforts.values():
            effort.next_look = now

    def _keep(self, device: DeviceId, effort: Effort, now: float) -> float:
        """Do what is due for one peer; returns when the next is."""
        if self._is_missed(device):
            self._ensure(device, now)
        is_wanted = self._is_wanted(device, effort, now)
        for binding in list(effort.bindings.values()):
            if is_wanted:
                self._client.poll(binding)
            if not is_wanted or binding.is_over:
                self._drop(device, binding)
            elif binding.phase is Phase.HELD and binding.there is not None:
                binding.watch(now, works=self._peers.works(device, binding.there))
                if self._control.silent_s(binding.there) >= HOLD_OPEN_S:
                    self._control.keep_open(binding.there)
        due = self._call_again(device, effort, now)
        if not effort.bindings and now >= effort.due and not self._peers.is_needed(device):
            del self._efforts[device]
        deadlines = [each.deadline() for each in effort.bindings.values()]
        retry = [effort.due] if effort.due > now and self._is_missed(device) else []
        return min([due, *deadlines, *retry])

    def _call_again(self, device: DeviceId, effort: Effort, now: float) -> float:
        """Call a peer that has not come to a relay yet; returns when to do so next."""
        if not effort.waits or not self._is_missed(device):
            return math.inf
        if effort.call(now):
            self._call(device)
        return effort.call_due

    def _is_wanted(self, device: DeviceId, effort: Effort, now: float) -> bool:
        """Whether anybody needs the relays of a peer."""
        is_direct = self._peers.path(device).kind in (PathKind.DIRECT, PathKind.LAN)
        effort.leave(now, is_direct=is_direct)
        is_used = effort.is_used(self._peers.vantage.lent, now)
        return is_used or effort.waits or self._peers.is_needed(device)

    def _drop(self, device: DeviceId, binding: Binding) -> None:
        """Let go of a binding that is over, or that nobody needs."""
        effort = self._efforts[device]
        del effort.bindings[binding.relay]
        now = self._control.clock.monotonic()
        if not binding.is_shunnable and binding.why is None:
            self._client.let_go(binding)
        elif binding.is_shunnable and self._peers.is_member(device):
            # Who comes by an invite may have met another member there.
            self._places.shun(binding.relay, now)
        if binding.there is not None:
            self._give_back(binding.there, now)

    def _give_back(self, port: Endpoint, now: float) -> None:
        """A lent port leads to nobody any more."""
        self._peers.vantage.lent[port].ended = now
        self._peers.forget(port)


def _delay_s(place: RelayPlace | None) -> float | None:
    return place.delay_s if place is not None else None
