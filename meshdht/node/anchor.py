"""An anchor: an always-on box that holds records it cannot open, and says where it sees others.

It has the packet key and a key of its own, so that it answers the DHT's requests, forwards what it
cannot read where it is to relay, and does nothing else: it is no member, hears no gossip, has no
path to anybody. The log names its key, so that members know it; until it does, it claims its
invite. Knows no socket and no disk, as a node does.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import DeviceId, PacketKey, SigningKey
from meshdht.dht.dht import Contact, Dht
from meshdht.dht.proof import Proof
from meshdht.dht.storage import RecordStorage, SavedValue
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError, StateError
from meshdht.limits import ANCHOR_HAND_OVERS
from meshdht.membership.anchor_link import AnchorLink
from meshdht.membership.generations import AnchorHandOver
from meshdht.node.claiming import Claimant
from meshdht.node.control import ControlPort, SendDatagram
from meshdht.node.following import Follower
from meshdht.node.holding import holder_check
from meshdht.node.network_time import NetworkTime
from meshdht.node.ports import AnchorStore
from meshdht.node.relay_host import RelayHost
from meshdht.paths.candidate import PathKind
from meshdht.paths.legs import Legs
from meshdht.waiting import set_within
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import MessageKind

# How often the routing table is looked at, to be written down.
SAVE_S = 30.0
# Who has members asks after the others now and then; its hints are asked too, should all that it
# knew have moved.
STAY_S = 1800.0
# Pauses while nobody answers; the last one repeats. Members ask an anchor by themselves, so that
# one that waits misses little.
RETRY_S = (2.0, 10.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class AnchorState:
    """What its link said, and what was on disk."""

    signing: SigningKey
    """Its hash is the anchor's id: what it answers can be told from what others make up."""
    packet_key: PacketKey
    hints: Sequence[Endpoint] = ()
    contacts: Sequence[Contact] = ()
    values: Sequence[SavedValue] = ()
    name: str = "anchor"
    """What it asks to be called in the log."""
    claim: AnchorLink | None = None
    """The link by which it is yet to come into the log; None once it stands there."""
    link: AnchorLink | None = None
    """Its link, with the packet key and the welcome that it has now."""


class AnchorNode:
    """A blind holder."""

    def __init__(
        self,
        state: AnchorState,
        store: AnchorStore,
        send: SendDatagram,
        clock: Clock,
        entropy: Entropy,
        on_disk_failure: Callable[[StateError], None],
    ) -> None:
        self._state = state
        self._store = store
        self._entropy = entropy
        self._on_disk_failure = on_disk_failure
        self.legs = Legs()
        """Whence those come that reach this machine by a stream."""
        time = NetworkTime(clock)
        self._control = ControlPort(self.id, state.packet_key, send, time, entropy)
        self._storage = RecordStorage(
            time, store.note_value, store.note_value_gone, store.when_written
        )
        proof = Proof(state.signing, state.packet_key)
        check = holder_check(time)
        self._dht = Dht(
            proof,
            self._control.send,
            self._storage,
            check,
            entropy,
            time,
            has_heard=self._control.has_heard,
            untold=self.legs,
        )
        self.relay_host = RelayHost(self._control, lambda endpoint: False)
        """What this anchor does as a relay: nothing, until it is given ports to lend."""
        self._unanswered: Counter[str] = Counter()
        self._is_known = asyncio.Event()
        self._claimant: Claimant | None = None
        if state.claim is not None:
            self._claimant = Claimant(state.claim, state.signing, state.name, self._control)
        self._follower: Follower | None = None
        if state.link is not None:
            self._follower = Follower(
                state.link, state.signing, state.name, self._control, self._go_over
            )
        self._handed: asyncio.Queue[AnchorHandOver] = asyncio.Queue(ANCHOR_HAND_OVERS)
        for saved in state.values:
            self._storage.load(saved)

    async def run(self) -> None:
        """Live until cancelled."""
        self._dht.remember(self._state.contacts)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._stay_in_touch())
                tasks.create_task(self._come_into_the_log())
                tasks.create_task(self._go_over_to_what_is_handed())
                tasks.create_task(self._dht.run())
                tasks.create_task(self.relay_host.run())
                tasks.create_task(self._save_contacts())
        finally:
            self._dht.close()

    async def _stay_in_touch(self) -> None:
        """Find the members by the link's hints and those that are remembered."""
        failures = 0
        while True:
            reached = await self._dht.bootstrap(self._state.hints)
            if not reached and self._follower is not None and self._is_in_log:
                self._follower.ask(self._whom())
            failures = 0 if reached else failures + 1
            pause = STAY_S if reached else RETRY_S[min(failures, len(RETRY_S)) - 1]
            self._is_known.clear()
            await set_within(self._is_known, pause * self._entropy.uniform(0.8, 1.2))

    async def _come_into_the_log(self) -> None:
        """Claim our invite, if it is not claimed yet, of whoever may be a member."""
        if self._claimant is None or (hand_over := await self._claimant.run(self._whom)) is None:
            return
        if self._follower is not None:
            self._follower.taken(hand_over)
        await self._take(hand_over)

    @property
    def _is_in_log(self) -> bool:
        return self._claimant is None or not self._claimant.trouble

    def _go_over(self, hand_over: AnchorHandOver) -> None:
        """A member handed us the packet key of another generation."""
        if not self._handed.full():
            self._handed.put_nowait(hand_over)

    async def _go_over_to_what_is_handed(self) -> None:
        while True:
            await self._take(await self._handed.get())

    async def _take(self, hand_over: AnchorHandOver) -> None:
        """Write it down, then serve for its generation, and for no other."""
        try:
            await self._store.save_hand_over(hand_over)
        except StateError as error:
            self._on_disk_failure(error)
        self._control.rekey(hand_over.packet_key, [])
        self._dht.rekey(hand_over.packet_key)
        # Who passed us over before takes us for what we are now.
        self._is_known.set()

    def _whom(self) -> list[Endpoint]:
        return [*self._state.hints, *(each.endpoint for each in self._dht.contacts())]

    async def _save_contacts(self) -> None:
        saved: set[tuple[bytes, Endpoint]] = set()
        while True:
            await asyncio.sleep(SAVE_S)
            known = {(each.node_id, each.endpoint) for each in self._dht.contacts_to_keep()}
            if known != saved:
                try:
                    await self.save()
                except StateError as error:
                    self._on_disk_failure(error)
                    continue
                saved = known

    async def save(self) -> None:
        """Write down who is known: before the process ends as well. Raises StateError."""
        await self._store.save_contacts(self._dht.contacts_to_keep())

    def datagram_received(self, datagram: bytes, source: Endpoint) -> None:
        """A datagram that is not WireGuard's came in; any bytes at all are fine."""
        incoming = self._control.open(datagram, source)
        if incoming is None:
            return
        packet = incoming.packet
        if incoming.validated:
            if packet.kind is MessageKind.DHT_REQUEST and self._claimant is not None:
                # A claim is larger than most requests: none to an address that proved nothing.
                self._claimant.spoken_to(source)
            elif packet.kind is MessageKind.DHT_REPLY:
                # Whom an anchor could ask for the time, it cannot tell apart.
                self._control.clock.follow(packet.sent_at_ms / 1000)
        if packet.kind is MessageKind.ANCHOR_REPLY:
            self._reply_received(incoming)
        elif packet.kind is MessageKind.RELAY_BIND:
            self._bind_received(incoming)
        elif not self._dht.packet_received(incoming):
            # Between members, and sealed to them.
            self._unanswered["for members"] += 1

    def _reply_received(self, incoming: Incoming) -> None:
        """To our claim, or unasked."""
        try:
            if self._claimant is not None and not self._is_in_log:
                self._claimant.received(incoming)
            elif self._follower is not None:
                self._follower.received(incoming)
        except RemoteError:
            self._unanswered["bad reply"] += 1

    def _bind_received(self, incoming: Incoming) -> None:
        try:
            self.relay_host.received(incoming)
        except RemoteError:
            self._unanswered["bad bind"] += 1

    @property
    def packet_keys(self) -> Sequence[PacketKey]:
        """Under which control packets are let in."""
        return self._control.keys

    def client_came(self, leg: Endpoint, source: Endpoint) -> None:
        """Somebody who comes by a stream is seen here."""
        self.legs.opened(leg, PathKind.DIRECT, stream=source)

    def client_left(self, leg: Endpoint) -> None:
        self.legs.closed(leg)

    def set_mapped_stream(self, outer: Endpoint | None) -> None:
        """As of ``set_stream_port``."""

    def set_stream_port(self, port: int | None) -> None:
        """An anchor publishes nothing: members try the usual port where they know one."""

    @property
    def id(self) -> DeviceId:
        return self._state.signing.public.device_id

    @property
    def trouble(self) -> str:
        """Why it does not stand in the log yet; empty once it does."""
        return self._claimant.trouble if self._claimant is not None else ""

    @property
    def records(self) -> int:
        """How many records are held."""
        return len(self._storage)

    @property
    def contacts(self) -> int:
        """How many nodes are known, members and other anchors alike."""
        return len(self._dht.contacts())

    @property
    def dropped(self) -> Counter[str]:
        """What was not let in, not taken or not answered, by reason."""
        relay = {f"relay_{each}": n for each, n in self.relay_host.counters.items()}
        return self._control.dropped + self._dht.counters + self._unanswered + Counter(relay)
