"""One device: joins membership, records, paths, DHT and gossip. Knows no socket and no disk.

Datagrams come in by ``datagram_received`` and go out by the ``send`` it was given; what must
outlive the process goes to a ``NodeStore``. The daemon runs it on real sockets, simulations
on a virtual clock. ``observer`` hears of what the outside must act upon.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from ipaddress import ip_network

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import DeviceId, PresharedKey
from meshdht.dht.dht import Dht
from meshdht.dht.storage import RecordStorage
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError, StateError
from meshdht.gossip.gossip import Gossip
from meshdht.gossip.messages import Message, Record, open_gossip, seal_gossip
from meshdht.membership.roster import Device, Roster
from meshdht.membership.statements import Statement
from meshdht.node.admission import Admission
from meshdht.node.control import ControlPort, SendDatagram
from meshdht.node.holding import holder_check
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.journal import Journal
from meshdht.node.peers import PathView, Peers, ProbeResult
from meshdht.node.ports import NodeObserver, NodeState, NodeStore
from meshdht.node.publishing import Publisher
from meshdht.node.seeking import Seeker
from meshdht.paths.candidate import Network
from meshdht.records.endpoint import EndpointRecord
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import MessageKind

# How often the routing table is looked at, to be written down.
SAVE_S = 30.0


class Node:
    """A member of a network."""

    def __init__(
        self,
        state: NodeState,
        store: NodeStore,
        send: SendDatagram,
        clock: Clock,
        entropy: Entropy,
        observer: NodeObserver,
    ) -> None:
        identity = state.identity
        self._identity = identity
        self._state = state
        self._store = store
        self._observer = observer
        self._tasks: asyncio.TaskGroup | None = None
        self._entering = False
        self._disk_failure = ""
        self._journal = Journal(self._disk_failed)
        self._control = ControlPort(
            identity.device, identity.generation.secret.packet_key, send, clock, entropy
        )
        self._holdings = NodeHoldings(
            identity,
            state.log,
            clock,
            self._statements_added,
            self._record_found,
            roster=state.roster,
        )
        self._peers = Peers(
            identity.signing,
            self._control,
            self._peer_connected,
            self._path_changed,
            lambda: self._publisher.changed(),
        )
        self._gossip = Gossip(self._holdings, self._peers.neighbours, self._send_gossip, entropy)
        storage = RecordStorage(clock, store.note_value, store.note_value_gone, store.when_written)
        self._dht = self._dht_over(storage)
        self._publisher = Publisher(
            identity,
            self._holdings,
            self._dht,
            self._gossip,
            self._control,
            store.next_sequence,
            lambda: self._peers.reflexive.endpoints,
            self._disk_failed,
        )
        self._seeker = Seeker(
            identity,
            self._holdings,
            self._dht,
            self._control,
            self._peers.sought,
            self._peers_is_connected,
            self._peers.is_urgent,
        )
        self._admission = Admission(identity, self._holdings, self._control)
        self.malformed: Counter[str] = Counter()
        """Members' packets that were not what they should be, by kind."""
        self._restore(storage)

    def _dht_over(self, storage: RecordStorage) -> Dht:
        return Dht(
            self._identity.device.raw,
            self._control.send,
            storage,
            holder_check(self._control.clock),
            self._control.entropy,
            self._control.clock,
            on_seen=self._peers.seen_from,
        )

    # --- life --------------------------------------------------------------------------------

    def _restore(self, storage: RecordStorage) -> None:
        """Take up what was on disk."""
        for saved in self._state.values:
            storage.load(saved)
        for device, sequence in self._state.marks:
            self._holdings.cache.restore_mark(device, sequence)
        self._members_changed()
        for device, endpoint in self._state.peers:
            self._peers.learn(device, [endpoint])

    async def run(self) -> None:
        """Live until cancelled."""
        self._dht.remember(self._state.contacts)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._journal.run())
                tasks.create_task(self._peers.run())
                tasks.create_task(self._start_dht())
                tasks.create_task(self._seeker.run())
                tasks.create_task(self._dht.run())
                tasks.create_task(self._reconcile())
                tasks.create_task(self._save_contacts())
        finally:
            self._tasks = None
            self._dht.close()

    async def _start_dht(self) -> None:
        """Bootstrap from what is remembered, then keep our record published."""
        await self._enter_dht([endpoint for _, endpoint in self._state.peers])
        await self._publisher.run()

    async def _enter_dht(self, endpoints: Sequence[Endpoint]) -> None:
        self._entering = True
        try:
            await self._dht.bootstrap(endpoints)
            self._dht.ask_where()
        finally:
            self._entering = False

    async def _reconcile(self) -> None:
        """Compare with a random neighbour, now and then."""
        pause = self._gossip.reconcile()
        while True:
            await asyncio.sleep(pause)
            pause = self._gossip.reconcile()

    async def _save_contacts(self) -> None:
        """Write the routing table down when it has changed: a disk that sleeps may sleep on."""
        saved: set[tuple[bytes, Endpoint]] = set()
        while True:
            await asyncio.sleep(SAVE_S)
            contacts = self._dht.contacts()
            await self._publisher.network_seen(len(contacts))
            known = {(contact.node_id, contact.endpoint) for contact in contacts}
            if known != saved:
                saved = known
                self._journal.write(partial(self._store.save_contacts, contacts))

    async def save(self) -> None:
        """Write down what is only in memory: before the process ends. Raises StateError."""
        await self._journal.flush()
        await self._store.save_contacts(self._dht.contacts())

    def _spawn(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run something beside the rest; a node that has ended, or is ending, runs no more."""
        if self._tasks is None:
            return
        task = work()
        try:
            self._tasks.create_task(task)
        except RuntimeError:
            task.close()

    # --- datagrams ---------------------------------------------------------------------------

    def datagram_received(self, datagram: bytes, source: Endpoint) -> None:
        """A datagram that is not WireGuard's came in; any bytes at all are fine."""
        incoming = self._control.open(datagram, source)
        if incoming is None:
            return
        try:
            self._dispatch(incoming)
        except RemoteError:
            self.malformed[incoming.packet.kind.name] += 1

    def _dispatch(self, incoming: Incoming) -> None:
        packet, source = incoming.packet, incoming.source
        match packet.kind:
            case MessageKind.DHT_REQUEST:
                self._dht.request_received(
                    packet.sender.raw,
                    packet.message_id,
                    packet.body,
                    source,
                    validated=incoming.validated,
                )
            case MessageKind.DHT_REPLY:
                self._dht.reply_received(packet.sender.raw, packet.message_id, packet.body, source)
            case MessageKind.RETRY:
                self._dht.retry_received(packet.message_id, source)
            case MessageKind.PROBE:
                self._peers.handle_probe(incoming)
            case MessageKind.PROBE_REPLY:
                self._peers.handle_reply(incoming)
            case MessageKind.GOSSIP:
                self._gossip_received(incoming)
            case MessageKind.JOIN_REQUEST:
                self._join_requested(incoming)
            case MessageKind.JOIN_REPLY:
                self.malformed["JOIN_REPLY"] += 1

    def _gossip_received(self, incoming: Incoming) -> None:
        """Only members are listened to, and only from where they can be answered: but for a
        record, which draws no answer. It may tell that its device has just moved there."""
        packet = incoming.packet
        if not self._peers.is_member(packet.sender):
            return
        key = self._identity.generation.secret.gossip_key
        message = open_gossip(key, packet.sender, packet.body)
        if incoming.validated or isinstance(message, Record):
            self._gossip.handle(packet.sender, incoming.source, message)

    def _send_gossip(self, message: Message, to: Endpoint) -> None:
        key = self._identity.generation.secret.gossip_key
        body = seal_gossip(key, self._control.draw_nonce(), self._identity.device, message)
        self._control.send(MessageKind.GOSSIP, self._control.draw_message_id(), body, to)

    # --- joining -----------------------------------------------------------------------------

    def _join_requested(self, incoming: Incoming) -> None:
        verdict = self._admission.judge(incoming)
        if verdict is None:
            return
        claim, statement = verdict

        async def admit() -> None:
            """The statement is on disk and told to the others before the secret is given, also
            to a joiner that asks again while the disk is slow."""
            if statement is not None:
                self.add_own(statement)
            await self._journal.flush()
            self._admission.hand_over(incoming, claim)

        self._spawn(admit)

    def add_own(self, statement: Statement) -> None:
        """Keep a statement that this device wrote, and tell the others."""
        self._holdings.add_own(statement)
        self._gossip.push_statements([statement.raw])

    async def write_down(self, statement: Statement) -> None:
        """``add_own``, and wait until it is on disk; raises StateError if the disk refuses."""
        failed = self._journal.failed
        self.add_own(statement)
        await self._journal.flush()
        if self._journal.failed > failed:
            raise StateError("the statement could not be written to disk", "is the disk full?")

    # --- what the parts tell each other ------------------------------------------------------

    def _statements_added(self, added: Sequence[Statement]) -> None:
        self._journal.write(lambda: self._store.append_statements(added))
        self._members_changed()
        self._seeker.lost()
        self._observer.roster_changed()

    def _members_changed(self) -> None:
        self._peers.set_members(self._holdings.roster, self.mesh_networks)

    def _record_found(self, record: EndpointRecord) -> None:
        self._store.note_mark(record.device, record.sequence)
        self._peers.learn(record.device, [candidate.endpoint for candidate in record.candidates])

    def _peer_connected(self, device: DeviceId) -> None:
        path = self._peers.path(device)
        if path.endpoint is None:
            return
        self._gossip.reconcile_with(path.endpoint)
        self._publisher.peer_connected()
        if not self._entering and not self._dht.contacts():
            # Nobody answered when we started; now somebody does.
            self._spawn(partial(self._enter_dht, [path.endpoint]))

    def _path_changed(self, device: DeviceId) -> None:
        endpoint = self._peers.path(device).endpoint
        if endpoint is None:
            self._seeker.lost()
        else:
            self._store.note_peer(device, endpoint, self._control.clock.unix())
        self._observer.path_changed(device)

    def _disk_failed(self, error: StateError) -> None:
        """Tell of a failure once, whoever met it."""
        if error.message != self._disk_failure:
            self._disk_failure = error.message
            self._observer.disk_failed(error)

    def _peers_is_connected(self, device: DeviceId) -> bool:
        return self._peers.path(device).endpoint is not None

    # --- for the daemon ----------------------------------------------------------------------

    def set_local(self, endpoints: Sequence[Endpoint], networks: Sequence[Network]) -> None:
        """The machine's own addresses (with our port) and the networks they are on."""
        self._peers.set_local_networks(networks)
        self._publisher.set_host_endpoints(endpoints)
        self._seeker.restart()
        if self._tasks is not None:
            self._dht.ask_where()

    def learn(self, device: DeviceId, endpoint: Endpoint) -> None:
        """An endpoint that may reach a device."""
        self._peers.learn(device, [endpoint])

    def want(self, device: DeviceId) -> None:
        """Keep a path to a device for the next minutes, beyond the neighbourhood too."""
        was_urgent = self._peers.is_urgent(device)
        self._peers.want(device)
        if not was_urgent:
            self._seeker.lost()

    def roamed(self, device: DeviceId, endpoint: Endpoint) -> None:
        """WireGuard heard the device, authenticated, from this endpoint."""
        self._peers.roamed(device, endpoint)

    async def ping(self, device: DeviceId, timeout_s: float) -> ProbeResult | None:
        """One probe and its answer, or None; who is far is sought from now on."""
        self.want(device)
        return await self._peers.ping(device, timeout_s)

    def path(self, device: DeviceId) -> PathView:
        """How a device is reached right now."""
        return self._peers.path(device)

    def preshared_key(self, device: Device) -> PresharedKey:
        """The key that this pair of devices mixes into its handshakes."""
        own = self._identity.wireguard.public
        return self._identity.generation.secret.preshared_key(own, device.wireguard_key)

    @property
    def roster(self) -> Roster:
        return self._holdings.roster

    @property
    def own(self) -> Device | None:
        """This device in the roster; None if the log no longer admits it."""
        return self.roster.device(self._identity.device)

    @property
    def identity(self) -> Identity:
        return self._identity

    @property
    def holdings(self) -> NodeHoldings:
        return self._holdings

    @property
    def mesh_networks(self) -> list[Network]:
        """The mesh's own ranges: never a path to anybody."""
        return [self.roster.ipv4_range, ip_network(self.roster.ipv6_subnet)]

    @property
    def own_endpoints(self) -> list[Endpoint]:
        """Where this device may be reached: hints for a link."""
        return [candidate.endpoint for candidate in self._publisher.candidates()]

    @property
    def dropped(self) -> Counter[str]:
        """Control datagrams that were not let in, or not understood, by reason."""
        malformed = Counter({"malformed": self.malformed.total()})
        return self._control.dropped + malformed
