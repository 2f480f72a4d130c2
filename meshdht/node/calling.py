"""Calls: a device that has no path to another asks it, through those it is connected to, to
probe at the same time.

A NAT lets in whom its device has just sent to. So both must send: the caller says where it may be
reached, the callee probes there and answers where *it* may be reached, and the caller probes
back. Each member that a call comes to hands it on: to the callee, if it is connected to it, else
to one that is nearest to the callee in the graph of neighbourhoods. Nobody remembers a way; the
answer finds its own. What a call says is boxed (wire/call.py).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

from meshdht.crypto.boxes import NONCE_SIZE
from meshdht.crypto.keys import DeviceId
from meshdht.dht.rate import Rate
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Neighbour
from meshdht.gossip.messages import Call, Message
from meshdht.limits import (
    CALL_ENDPOINTS_MAX,
    CALL_HOPS_MAX,
    CALLS_BURST,
    CALLS_PER_S,
    CALLS_REMEMBERED,
    FULL_MESH_DEVICES,
)
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.peers import Peers
from meshdht.node.relaying import Relays
from meshdht.paths.candidate import PathKind
from meshdht.records.endpoint import NatBehaviour
from meshdht.wire.call import CallContent, open_call, seal_call

# So many ways at once, from the caller on: links are missing, and datagrams get lost.
WAYS = 3
# How often a call may be handed on beyond what the shortest way takes.
DETOUR_HOPS = 2
# A call is worth nothing later; clocks are the network's.
TOLERANCE_S = 120.0
# A device is called, and a caller heard, so often; some at once, since there may be more to say a
# moment later (that the path is needed, and where to meet).
PER_S = 1.0
AT_ONCE = 5.0
# An answer is waited for so long.
ANSWER_WITHIN_S = 10.0


class Caller:
    """One device's side. ``endpoints(n)``: the best n where it may be reached;
    ``send(message, to)``; ``relays``: where it and a peer meet if they cannot reach each other;
    ``punched(device, its NAT, its endpoints, is needed)``: both sides probe from now on;
    ``nat_to_tell(device)``: what it says of our NAT."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        control: ControlPort,
        peers: Peers,
        endpoints: Callable[[int], Sequence[Endpoint]],
        punched: Callable[[DeviceId, NatBehaviour, Sequence[Endpoint], bool], None],
        nat_to_tell: Callable[[DeviceId], NatBehaviour],
        send: Callable[[Message, Endpoint], None],
        relays: Relays,
    ) -> None:
        self._own_id = identity.device
        self._holdings = holdings
        self._control = control
        self._peers = peers
        self._endpoints = endpoints
        self._punched = punched
        self._nat_to_tell = nat_to_tell
        self._send = send
        self._relays = relays
        self._rate = Rate(CALLS_PER_S, CALLS_BURST)
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        """The nonces of calls that came, the latest last."""
        self._called: dict[DeviceId, float] = {}
        """Whom we called, and when."""
        self._answered: set[DeviceId] = set()
        """Who has answered the last call; further answers are let lie."""
        self._calling = Rate(PER_S, AT_ONCE)
        self._hearing = Rate(PER_S, AT_ONCE)
        self.counters: Counter[str] = Counter()
        """What became of the calls that came here."""

    def call(self, device: DeviceId) -> bool:
        """Ask a device that we have no path to to probe us. May be in vain. Returns whether it
        answered the last time."""
        now = self._control.clock.monotonic()
        has_answered = device in self._answered
        is_early = now - self._called.get(device, float("-inf")) < 1 / PER_S
        # Where nobody can hand it on, it is to be made once somebody can; but not by all of a large
        # network that starts together.
        is_missed = self._peers.is_needed(device) or len(self._holdings.roster) <= FULL_MESH_DEVICES
        is_in_vain = is_missed and not self._may_be_heard(device)
        if not is_early and not is_in_vain:
            self._call(device, now)
        return has_answered

    def _may_be_heard(self, device: DeviceId) -> bool:
        is_relayed = self._peers.path(device).kind is PathKind.RELAY
        return is_relayed or any(each.device != device for each in self._peers.neighbours())

    def call_to_relays(self, device: DeviceId) -> None:
        """The same, for there is something to say that a call of a moment ago did not."""
        now = self._control.clock.monotonic()
        if self._may_be_heard(device) and self._calling.allows(str(device), now):
            self._call(device, now)

    def _call(self, device: DeviceId, now: float) -> None:
        called = {each: at for each, at in self._called.items() if now - at < ANSWER_WITHIN_S}
        self._called = called | {device: now}
        self._answered.discard(device)
        self._say(device, is_answer=False)

    def _say(self, device: DeviceId, *, is_answer: bool) -> None:
        box_key = self._peers.box_key(device)
        if box_key is None:
            return
        endpoints = tuple(self._endpoints(CALL_ENDPOINTS_MAX))
        date_ms = max(0, int(self._control.clock.unix() * 1000))
        nonce = self._control.draw_nonce()
        content = CallContent(
            date_ms,
            is_answer,
            endpoints,
            self._relays.hints(device),
            nat=self._nat_to_tell(device),
            is_needed=self._peers.beyond.is_needed(device),
        )
        box = seal_call(box_key, nonce, self._own_id, device, content)
        self._note(nonce)
        steps = self._holdings.roster.steps_between(self._own_id, device)
        hops = min(steps - 1 + DETOUR_HOPS, CALL_HOPS_MAX)
        # Not by a path of ours to it, if there is one: it has none to us, and ours may be dead.
        call = Call(hops, self._own_id, device, box)
        self._pass_on(call, WAYS, {device})
        path = self._peers.path(device)
        if path.kind is PathKind.RELAY and path.endpoint is not None:
            # But by a relay: what it is called for is another way.
            self._send(call, path.endpoint)

    def _pass_on(self, call: Call, ways: int, but: set[DeviceId]) -> None:
        for neighbour in self._next(call.callee, ways, but):
            self._send(call, neighbour.endpoint)

    def _next(self, callee: DeviceId, ways: int, but: set[DeviceId]) -> list[Neighbour]:
        """The callee, or those that are nearest to it; of equals others each time, since a way
        that failed may fail again."""
        able = [each for each in self._peers.neighbours() if each.device not in but]
        for each in able:
            if each.device == callee:
                return [each]
        steps, draw = self._holdings.roster.steps_between, self._control.entropy.uniform
        able.sort(key=lambda each: (steps(each.device, callee), draw(0.0, 1.0)))
        return able[:ways]

    def handle(self, sender: DeviceId, source: Endpoint, call: Call) -> None:
        """A call came from a validated address; raises RemoteError if it is none."""
        roster = self._holdings.roster
        if not self._rate.allows(source.host, self._control.clock.monotonic()):
            self.counters["too many"] += 1
        elif call.hops > CALL_HOPS_MAX or call.caller not in roster or call.callee not in roster:
            self.counters["not a member's"] += 1
        elif not self._note(call.box[:NONCE_SIZE]):
            self.counters["again"] += 1
        elif call.callee == self._own_id:
            self._take(call)
        elif call.hops > 0:
            self.counters["handed on"] += 1
            onward = Call(call.hops - 1, call.caller, call.callee, call.box)
            self._pass_on(onward, 1, {sender, call.caller})

    def _note(self, nonce: bytes) -> bool:
        """Whether a call is here for the first time."""
        if nonce in self._seen:
            return False
        self._seen[nonce] = None
        if len(self._seen) > CALLS_REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _take(self, call: Call) -> None:
        """A call for us: probe where the caller is, and tell it where we are."""
        box_key = self._peers.box_key(call.caller)
        if box_key is None:
            return
        content = open_call(box_key, call.box, call.caller, self._own_id)
        now = self._control.clock.monotonic()
        if abs(content.date_ms / 1000 - self._control.clock.unix()) > TOLERANCE_S:
            self.counters["out of date"] += 1
        elif content.is_answer:
            called = self._called.get(call.caller, float("-inf"))
            if call.caller not in self._answered and now - called <= ANSWER_WITHIN_S:
                self.counters["answer"] += 1
                self._answered.add(call.caller)
                self._punch(call.caller, content)
        elif self._hearing.allows(str(call.caller), now):
            self.counters["for us"] += 1
            self._punch(call.caller, content)
            self._say(call.caller, is_answer=True)
        else:
            self.counters["too many"] += 1

    def _punch(self, device: DeviceId, content: CallContent) -> None:
        self._peers.punch(device, content.endpoints, keep=not content.is_answer)
        self._relays.told(device, content.relays, is_answer=content.is_answer)
        needed = content.is_needed or self._peers.beyond.is_needed(device)
        known = content.nat in NatBehaviour.__members__.values()
        nat = NatBehaviour(content.nat) if known else NatBehaviour.UNKNOWN
        self._punched(device, nat, content.endpoints, needed)
