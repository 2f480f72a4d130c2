"""Which generation of the network secret this device uses, and how it comes by the current one.

The log names the current generation by a commitment. A device that holds its secret goes over to
it at once: it seals under its keys, publishes under them, and hands the secret to those
neighbours that have not been heard under it yet. A device that lacks it asks: the connected
neighbours, and where the others were last, under the keys that they may still open (see exchange).

A secret that comes before the statements which bear it out *waits*. Gossip under it is spoken with
whoever gave it, until the log agrees.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from meshdht.crypto.keys import DeviceId, NetworkSecret, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Neighbour
from meshdht.limits import WAITING_GENERATIONS
from meshdht.membership.generations import FIRST_GENERATION, Generation
from meshdht.membership.outcasts import Verdict
from meshdht.membership.roster import Rekey
from meshdht.node.control import ControlPort
from meshdht.node.exchange import SecretExchange
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.outcasts import Outcasts
from meshdht.node.spread import Hearing
from meshdht.node.telling import tell_beyond
from meshdht.waiting import set_within
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import MessageKind

# Pauses before a neighbour that was not heard under the new keys is handed the secret (again).
PUSHES_S = (0.5, 1.0, 3.0, 10.0, 30.0)
# Anchors are told by who began the generation, at once, and by the others after so many of these.
ANCHORS_AFTER = 2
# The first, of who did not begin the generation: who did has told most of them by then.
FIRST_PUSH_S = (0.1, 0.3)
# Pauses between rounds of asking, while the log names a secret that we lack; the last one repeats.
MISSING_S = (0.3, 0.6, 1.5, 5.0, 15.0, 60.0, 300.0)
# The same, towards devices that are not reached, who may have gone over to a generation that we
# have not heard of; only where there was ever more than one.
ABSENT_S = (2.0, 10.0, 60.0, 300.0, 900.0, 3600.0)
# After it has gone over to another generation, a device takes handshakes of those that have not.
OVERLAP_S = 120.0
# How often at most what does not open makes us ask.
UNOPENED_S = 20.0
# How many of those that may have it are asked in a round, and at how many addresses each.
WIDTH = 3
ADDRESSES = 4
ABSENT_WIDTH = 16


T = TypeVar("T")


class Generations:
    """Follows the log; ``handle`` takes the messages about secrets.

    ``on_switch()`` is called when another generation is in use; ``on_learned()`` when a secret is
    to be written down; ``push`` tells statements to the neighbours, ``put_out``
    hears why this device is out (see outcasts.py).
    """

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        control: ControlPort,
        neighbours: Callable[[], Sequence[Neighbour]],
        absent: Callable[[], Sequence[DeviceId]],
        anchors: Callable[[], Mapping[DeviceId, Endpoint]],
        hints: Sequence[Endpoint],
        *,
        on_learned: Callable[[], None],
        on_switch: Callable[[], None],
        push: Callable[[Sequence[bytes], DeviceId], None],
        reconcile_with: Callable[[Endpoint], None],
        put_out: Callable[[Verdict], None],
    ) -> None:
        """``absent()``: the devices that a path is missing to; ``anchors()``: where those are
        that the DHT knows; ``hints``: where the invite said that the network is."""
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._neighbours = neighbours
        self._absent = absent
        self._anchors = anchors
        self._hints = hints
        self._were_at: dict[DeviceId, Endpoint] = {}
        self._on_learned = on_learned
        self._on_switch = on_switch
        self._push = push
        self._reconcile_with = reconcile_with
        self._behind: dict[DeviceId, Endpoint] = {}
        """Neighbours not yet heard under the keys in use."""
        self._last = identity.generation
        """What they may still use."""
        self._used_since = -math.inf
        self.hearing = Hearing(control.clock.monotonic())
        """Who speaks under the keys in use."""
        self._looked_at = -math.inf
        self._begun = False
        """This device began the generation in use."""
        self._givers: dict[Endpoint, tuple[Generation, DeviceId]] = {}
        """Who gave a secret that waits."""
        self._switched = asyncio.Event()
        self._missing = asyncio.Event()
        self._alone = asyncio.Event()
        self.outcasts = Outcasts(identity, holdings, control, put_out, push)
        self.exchange = SecretExchange(identity, holdings, control, self._handed)
        self._rekey_control()

    # --- the log and the keys ----------------------------------------------------------------

    def members_changed(self) -> None:
        """The roster was folded anew: go over to its current generation, if its secret is held."""
        rekey = self._holdings.roster.rekey
        if rekey is None:
            return
        held = self._identity.held(rekey.commitment)
        if held is None:
            self._missing.set()
        else:
            self._use(held)
        self._end_others(rekey)

    def learn(self, generation: Generation) -> None:
        """Keep a secret that waits for its statement; it must be on disk before that is told."""
        self._identity.learn(generation, self._control.clock.unix())
        self._begun = True
        self._rekey_control()

    def _use(self, generation: Generation) -> None:
        if generation == self._identity.generation:
            return
        self._last = self._identity.generation
        self._used_since = self._control.clock.monotonic()
        self.hearing.begin(self._used_since)
        self._identity.use(generation, self._control.clock.unix())
        self._rekey_control()
        self._on_learned()
        self._behind = {**dict(self._neighbours()), **self._anchors()}
        for endpoint in [e for e, (given, _) in self._givers.items() if given == generation]:
            self._behind.pop(self._givers.pop(endpoint)[1], None)
        for endpoint, (given, device) in self._givers.items():
            # Of the other side of a network that rotated apart: it cannot hear us otherwise.
            self.exchange.hand(device, endpoint, given.secret.packet_key)
        if self._begun:
            self._begun = False
            self._hand_out(anchors=True)
        self._switched.set()
        self._on_switch()

    def _end_others(self, current: Rekey) -> None:
        """Secrets that waited, and that the log knows now but has another for: their givers are to
        come over to ours."""
        unix = self._control.clock.unix()
        roster = self._holdings.roster
        for rekey in (*roster.rekeys, *roster.void_rekeys):
            if rekey.commitment != current.commitment and self._identity.end(
                rekey.commitment, unix
            ):
                self._on_learned()
                self._win_over(rekey.commitment)

    def _win_over(self, commitment: bytes) -> None:
        network = self._identity.network
        for endpoint, (given, device) in list(self._givers.items()):
            if given.commitment(network) == commitment:
                del self._givers[endpoint]
                self.exchange.hand(device, endpoint, given.secret.packet_key)

    def _rekey_control(self) -> None:
        packet_key = self._identity.generation.secret.packet_key
        self._control.rekey(packet_key, self._identity.other_packet_keys)

    @property
    def just_left(self) -> Generation | None:
        """The generation that was in use a moment ago."""
        is_recent = self._control.clock.monotonic() - self._used_since < OVERLAP_S
        return self._last if is_recent else None

    def speaks(self, endpoint: Endpoint) -> Generation:
        """The generation under which gossip goes to an endpoint."""
        given = self._givers.get(endpoint)
        return given[0] if given is not None else self._identity.generation

    # --- messages ----------------------------------------------------------------------------

    def handle(self, incoming: Incoming) -> None:
        """A message about secrets, or a probe under another key; raises RemoteError."""
        match incoming.packet.kind:
            case MessageKind.PROBE | MessageKind.SECRET_REQUEST if self.outcasts.has(
                incoming.packet.sender
            ):
                self.outcasts.handle(incoming)
            case MessageKind.PROBE:
                self.exchange.probe_received(incoming)
            case MessageKind.SECRET_REQUEST:
                self.exchange.request_received(incoming)
            case MessageKind.SECRET_OFFER:
                self.exchange.offer_received(incoming)
            case MessageKind.SECRET_HANDOVER:
                self.exchange.hand_over_received(incoming)
            case MessageKind.SECRET_REFUSAL:
                self.outcasts.refusal_received(incoming)

    def heard(self, device: DeviceId) -> None:
        """A packet of the device came under the keys in use."""
        self._behind.pop(device, None)
        self.hearing.heard(device, self._control.clock.monotonic(), self._holdings.roster)

    def _handed(
        self,
        generation: Generation,
        statements: Sequence[bytes],
        giver: DeviceId,
        source: Endpoint,
    ) -> None:
        if self._identity.learn(generation, self._control.clock.unix()):
            self._on_learned()
            self._rekey_control()
        waits = self._identity.waits(generation)
        if waits:
            self._givers[source] = (generation, giver)
            while len(self._givers) > 2 * WAITING_GENERATIONS:
                del self._givers[next(iter(self._givers))]
        new, _ = self._holdings.take_statements(statements)
        if new:
            self._push(new, giver)
        elif waits:
            self.members_changed()
        if self._identity.waits(generation):
            self._reconcile_with(source)
        elif generation != self._identity.generation:
            self._tell_why_not(generation, giver, source)

    def _tell_why_not(self, generation: Generation, giver: DeviceId, source: Endpoint) -> None:
        """The log has another generation for the current one than a member uses: either of us
        lacks a statement. It hears what whoever began its generation did not know; who has the
        first, which no statement began, is handed ours."""
        roster, commitment = self._holdings.roster, generation.commitment(self._identity.network)
        rekeys = (*roster.rekeys, *roster.void_rekeys)
        began = [each.hash for each in rekeys if each.commitment == commitment]
        if began:
            tell_beyond(self._identity, self._control, self._holdings, began, source, generation)
        elif generation.number == FIRST_GENERATION:
            self.exchange.hand(giver, source, generation.secret.packet_key)

    # --- what is done in time ----------------------------------------------------------------

    def was_at(self, device: DeviceId, endpoint: Endpoint) -> None:
        """A path led there."""
        self._were_at[device] = endpoint

    def last_at(self, device: DeviceId) -> Endpoint | None:
        """Where a path led last."""
        return self._were_at.get(device)

    def unopened(self, source: Endpoint) -> None:
        """A datagram did not open. From where an absent device was it may be that device's, gone
        over to a generation that we have not heard of: ask."""
        now = self._control.clock.monotonic()
        if not self._identity.others or now - self._looked_at < UNOPENED_S:
            return
        if any(self._were_at.get(device) == source for device in self._absent()):
            self._looked_at = now
            self._alone.set()

    def look(self) -> None:
        """Our network changed, or a path was lost: ask soon what others have."""
        self._alone.set()

    async def run(self) -> None:
        """Hand out, ask and forget, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._push_all())
            tasks.create_task(self._ask_missing())
            tasks.create_task(self._ask_absent())

    async def _push_all(self) -> None:
        while True:
            await self._switched.wait()
            self._switched.clear()
            await asyncio.sleep(self._control.entropy.uniform(*FIRST_PUSH_S))
            for number, pause in enumerate(PUSHES_S):
                self._hand_out(anchors=number >= ANCHORS_AFTER)
                if not self._behind or await set_within(self._switched, pause):
                    break

    def _hand_out(self, *, anchors: bool) -> None:
        """To the neighbours that are behind, and to the anchors if it is for us to tell them."""
        for device, endpoint in self._behind.items():
            anchor = self._holdings.roster.anchor(device)
            if anchor is None:
                self.exchange.hand(device, endpoint, self._last.secret.packet_key)
            elif anchors:
                self.exchange.hand_anchor(anchor, endpoint, self._last)

    async def _ask_missing(self) -> None:
        rounds = 0
        while True:
            await self._missing.wait()
            pause = MISSING_S[min(rounds, len(MISSING_S) - 1)]
            await asyncio.sleep(pause * self._control.entropy.uniform(0.8, 1.2))
            rekey = self._holdings.roster.rekey
            if rekey is None or self._identity.held(rekey.commitment) is not None:
                self._missing.clear()
                rounds = 0
                continue
            rounds += 1
            for neighbour in self._drawn(self._neighbours(), WIDTH):
                self.exchange.ask(neighbour.device, neighbour.endpoint, None)
            self._ask_round([None])

    async def _ask_absent(self) -> None:
        rounds = 0
        while True:
            pause = ABSENT_S[min(rounds, len(ABSENT_S) - 1)]
            rounds += 1
            if await set_within(self._alone, pause * self._control.entropy.uniform(0.8, 1.2)):
                self._alone.clear()
                rounds = 0
            elif self._identity.others or self._is_lost():
                if self._identity.forget_old(self._control.clock.unix()):
                    self._rekey_control()
                    self._on_learned()
                self._ask_round(self._identity.other_packet_keys)

    def _ask_round(self, keys: Sequence[PacketKey | None]) -> None:
        """Ask devices that we do not reach, where they may be, under each of these keys."""
        is_lost = self._is_lost()
        for device in self._drawn(self._absent(), ABSENT_WIDTH):
            for endpoint in self.whereabouts(device):
                for key in keys:
                    self.exchange.ask(device, endpoint, key)
            for endpoint in self._drawn(self._hints, ADDRESSES) if is_lost else ():
                for key in dict.fromkeys([None, *keys]):
                    self.exchange.ask(device, endpoint, key)

    def _is_lost(self) -> bool:
        """Whether we reach nobody, and were told where somebody is: those may be at another
        generation, and whichever device it is hears what is boxed to it alone."""
        return bool(self._hints) and not self._neighbours()

    def _drawn(self, items: Sequence[T], most: int) -> list[T]:
        """At most ``most`` of the items, drawn evenly."""
        drawn = list(items)
        while len(drawn) > most:
            drawn.pop(int(self._control.entropy.uniform(0, len(drawn) - 1e-9)))
        return drawn

    def whereabouts(self, device: DeviceId) -> list[Endpoint]:
        """Where a device may be: where it was reached, and what it published last."""
        last = self._were_at.get(device)
        record = self._holdings.cache.record(device)
        published = record.endpoints if record else []
        every = [last, *published] if last is not None else published
        return list(dict.fromkeys(every))[:ADDRESSES]

    def draw(self) -> Generation:
        """A generation later than all that are known, with a fresh secret."""
        rekey = self._holdings.roster.rekey
        known = [each.generation.number for each in self._identity.others]
        known += [self._identity.generation.number, rekey.generation if rekey else 0]
        secret = NetworkSecret.generate(self._control.entropy)
        return Generation(max(known) + 1, secret)
