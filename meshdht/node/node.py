"""One device: joins membership, records, paths, DHT and gossip. Knows no socket and no disk.

Datagrams come in by ``datagram_received`` and go out by the ``send`` it was given; what must
outlive the process goes to a ``NodeStore``. The daemon runs it on real sockets, simulations
on a virtual clock. ``observer`` hears of what the outside must act upon.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_network

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import DeviceId, PresharedKey
from meshdht.dht.dht import Contact, Dht
from meshdht.dht.proof import Proof
from meshdht.dht.storage import RecordStorage
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Gossip
from meshdht.membership.roster import Device, Roster
from meshdht.membership.statements import Statement
from meshdht.node.admission import Admission
from meshdht.node.background import Background
from meshdht.node.control import ControlPort, SendDatagram
from meshdht.node.deputies import Deputies
from meshdht.node.dispatch import Dispatcher, send_gossip
from meshdht.node.entrance import Entrance
from meshdht.node.holding import holder_check
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.keeping import Keeper
from meshdht.node.mooring import Mooring
from meshdht.node.network_time import ClockVerdict, NetworkTime
from meshdht.node.peers import Peers
from meshdht.node.ports import NodeObserver, NodeState, NodeStore
from meshdht.node.publishing import Publisher
from meshdht.node.seeking import Seeker
from meshdht.node.writing import OwnStatements
from meshdht.paths.candidate import Network, PathKind
from meshdht.paths.view import PathView, ProbeResult
from meshdht.records.endpoint import EndpointRecord
from meshdht.wire.channel import Incoming


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
        self._background = Background()
        self._keeper = Keeper(store, observer.disk_failed)
        self._journal = self._keeper.journal
        self._time = NetworkTime(clock, floor=state.written_until)
        self._control = ControlPort(
            identity.device, identity.generation.secret.packet_key, send, self._time, entropy
        )
        self._holdings = NodeHoldings(
            identity,
            state.log,
            self._time,
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
            lambda device, endpoint: self._dht.heard(device.raw, endpoint),
        )
        self._gossip = Gossip(
            self._holdings,
            self._peers.neighbours,
            partial(send_gossip, identity, self._control),
            entropy,
        )
        self._dht = self._make_dht(store)
        self._entrance = Entrance(
            self._dht,
            entropy,
            [endpoint for _, endpoint in state.peers],
            state.hints,
            self._entered,
        )
        self._deputies = Deputies(
            identity, self._holdings, self._dht.anchors, self._control, self._peers.neighbours
        )
        self._publisher = self._make_publisher(store)
        self._seeker = self._make_seeker()
        self._admission = Admission(identity, self._holdings, self._control)
        self._statements = OwnStatements(self._holdings, self._gossip, self._journal)
        self._dispatcher = Dispatcher(
            identity, self._control, self._dht, self._peers, self._gossip, self._join_requested
        )
        self.datagram_received = self._dispatcher.datagram_received
        """A datagram that is not WireGuard's came in, and its source; any bytes are fine."""
        self._restore()

    def _make_dht(self, store: NodeStore) -> Dht:
        """A DHT over the records that were on disk."""
        clock, identity = self._time, self._identity
        storage = RecordStorage(clock, store.note_value, store.note_value_gone, store.when_written)
        for saved in self._state.values:
            storage.load(saved)
        return Dht(
            Proof(identity.signing, identity.generation.secret.packet_key),
            self._control.send,
            storage,
            holder_check(clock),
            self._control.entropy,
            clock,
            on_seen=self._peers.seen_from,
            has_heard=self._control.has_heard,
            belongs=lambda node_id: self._holdings.roster.has_node(node_id),
            is_anchor=lambda node_id: DeviceId(node_id) not in self._holdings.roster,
        )

    def _make_publisher(self, store: NodeStore) -> Publisher:
        return Publisher(
            self._identity,
            self._holdings,
            self._dht,
            self._gossip,
            self._deputies,
            self._control,
            store.next_sequence,
            lambda: self._peers.reflexive.endpoints,
            self._keeper.failed,
        )

    def _make_mooring(self) -> Mooring:
        entropy = self._control.entropy
        return Mooring(self._dht, entropy, self._has_direct_path, self._anchor_ids, self._met)

    def _make_seeker(self) -> Seeker:
        return Seeker(
            self._identity,
            self._holdings,
            self._dht,
            self._gossip,
            self._deputies,
            self._control,
            self._peers.sought,
            self._peers_is_connected,
            self._peers.is_urgent,
        )

    # --- life --------------------------------------------------------------------------------

    def _restore(self) -> None:
        """Take up what was on disk."""
        if self._state.told_unix:
            self._time.told(self._state.told_unix)
        self._time.on_shift = self._time_shifted
        self._time.on_verdict = self._observer.clocks_judged
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
                self._background.group = tasks
                tasks.create_task(self._journal.run())
                tasks.create_task(self._peers.run())
                tasks.create_task(self._entrance.run())
                tasks.create_task(self._publish())
                tasks.create_task(self._seeker.run())
                tasks.create_task(self._deputies.run())
                tasks.create_task(self._dht.run())
                tasks.create_task(self._make_mooring().run())
                tasks.create_task(self._gossip.run())
                tasks.create_task(self._keeper.run(self._dht, self._publisher.network_seen))
        finally:
            self._background.group = None
            self._dht.close()

    async def _publish(self) -> None:
        """Keep our record published, once there is somebody to take it, or clearly nobody."""
        await self._entrance.tried.wait()
        await self._publisher.run()

    async def save(self) -> None:
        """Write down what is only in memory: before the process ends. Raises StateError."""
        await self._keeper.save(self._dht)

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
                self._statements.add(statement)
            await self._journal.flush()
            self._admission.hand_over(incoming, claim)

        self._background.spawn(admit)

    # --- what the parts tell each other ------------------------------------------------------

    def _statements_added(self, added: Sequence[Statement]) -> None:
        self._journal.write(lambda: self._store.append_statements(added))
        self._members_changed()
        self._seeker.lost()
        self._observer.roster_changed()

    def _members_changed(self) -> None:
        self._peers.set_members(self._holdings.roster, self.mesh_networks)
        self._dht.members_changed()

    def _record_found(self, record: EndpointRecord) -> None:
        self._store.note_mark(record.device, record.sequence)
        self._peers.learn(record.device, [candidate.endpoint for candidate in record.candidates])
        self._deputies.note_held([record.device])

    def _peer_connected(self, device: DeviceId) -> None:
        path = self._peers.path(device)
        if path.endpoint is None:
            return
        self._gossip.reconcile_with(path.endpoint)
        self._publisher.peer_connected()
        self._entrance.heard(path.endpoint)

    def _entered(self) -> None:
        self._publisher.peer_connected()
        self._seeker.restart()

    def _path_changed(self, device: DeviceId) -> None:
        endpoint = self._peers.path(device).endpoint
        if endpoint is None:
            self._seeker.lost()
            self._deputies.peer_lost()
        else:
            self._store.note_peer(device, endpoint, self._control.clock.unix())
        self._observer.path_changed(device)

    def _time_shifted(self) -> None:
        """Other epochs than we thought: publish there, and look there."""
        self._publisher.outdated()
        self._seeker.restart()

    def _has_direct_path(self) -> bool:
        """Whether a peer is reached beyond our own networks."""
        connected = (self._peers.path(each.device) for each in self._peers.neighbours())
        return any(path.kind is PathKind.DIRECT for path in connected)

    def _anchor_ids(self) -> set[bytes]:
        return {each.id.raw for each in self.roster.anchors}

    def _met(self, contacts: Sequence[Contact]) -> None:
        for contact in contacts:
            self._peers.learn(DeviceId(contact.node_id), [contact.endpoint])

    def _peers_is_connected(self, device: DeviceId) -> bool:
        return self._peers.path(device).endpoint is not None

    # --- for the daemon ----------------------------------------------------------------------

    async def write_down(self, statement: Statement) -> None:
        """Keep a statement that this device wrote, and tell the others; raises StateError."""
        await self._statements.write_down(statement)

    def set_local(self, endpoints: Sequence[Endpoint], networks: Sequence[Network]) -> None:
        """The machine's own addresses (with our port) and the networks they are on."""
        self._peers.set_local(endpoints, networks)
        self._publisher.set_host_endpoints(endpoints)
        self._seeker.restart()
        if self._background.group is not None:
            self._entrance.network_changed()

    def set_anchors(self, anchors: Sequence[Endpoint]) -> None:
        """Where the anchors are that the user named."""
        self._entrance.set_anchors(anchors)

    def heard_nearby(self, device: DeviceId, endpoint: Endpoint) -> None:
        """A device of the network says on the LAN that it is there."""
        if self._peers.is_member(device):
            self._peers.learn(device, [endpoint])
            self._entrance.heard(endpoint)

    def learn(self, device: DeviceId, endpoint: Endpoint) -> None:
        """An endpoint that may reach a device."""
        self._peers.learn(device, [endpoint])

    def want(self, device: DeviceId) -> None:
        """Keep a path to a device for the next minutes, beyond the neighbourhood too."""
        was_urgent = self._peers.is_urgent(device)
        self._peers.want(device)
        if not was_urgent:
            self._seeker.lost()

    async def look(self) -> None:
        """Prove the paths that were not proved of late: somebody wants to know."""
        await self._peers.look()

    def watched(self) -> None:
        """Somebody watches the paths, and will for a while."""
        self._peers.watched()

    def roamed(self, device: DeviceId, endpoint: Endpoint) -> None:
        """WireGuard heard the device, authenticated, from this endpoint."""
        self._peers.roamed(device, endpoint)

    async def ping(self, device: DeviceId, timeout_s: float) -> ProbeResult | None:
        """One probe and its answer, or None; who is far is sought from now on."""
        self.want(device)
        return await self._peers.ping(device, timeout_s)

    def contact(self, node: DeviceId) -> Contact | None:
        """A device or anchor as the DHT knows it: where and when it last answered."""
        return next((each for each in self._dht.contacts() if each.node_id == node.raw), None)

    def path(self, device: DeviceId) -> PathView:
        """How a device is reached right now."""
        return self._peers.path(device)

    def preshared_key(self, device: Device) -> PresharedKey:
        """The key that this pair of devices mixes into its handshakes."""
        own = self._identity.wireguard.public
        return self._identity.generation.secret.preshared_key(own, device.wireguard_key)

    def clocks(self) -> ClockVerdict:
        """Whose clocks are wrong, as far as this device knows."""
        return self._time.verdict()

    @property
    def time(self) -> NetworkTime:
        """The network's time: what is dated or expires goes by it."""
        return self._time

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
    def has_entered(self) -> bool:
        """Whether it is in the DHT, and those nearest to it were found."""
        return self._dht.is_entered and self._entrance.tried.is_set()

    @property
    def own_endpoints(self) -> list[Endpoint]:
        """Where this device may be reached: hints for a link."""
        return [candidate.endpoint for candidate in self._publisher.candidates()]

    @property
    def malformed(self) -> Counter[str]:
        """Members' packets that were not what they should be, by kind."""
        return self._dispatcher.malformed

    @property
    def dropped(self) -> Counter[str]:
        """Control datagrams that were not let in, or not understood, by reason."""
        malformed = Counter({"malformed": self.malformed.total()})
        return self._control.dropped + malformed
