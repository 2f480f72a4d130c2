"""One device: joins membership, records, paths, DHT and gossip. Knows no socket and no disk.

Datagrams come in by ``datagram_received`` and go out by the ``send`` it was given; what must
outlive the process goes to a ``NodeStore``. The daemon runs it on real sockets, simulations
on a virtual clock. ``observer`` hears of what the outside must act upon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import DeviceId
from meshdht.dht.dht import Dht
from meshdht.dht.proof import Proof
from meshdht.dht.storage import RecordStorage
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Gossip
from meshdht.gossip.messages import Message
from meshdht.node.admission import Admission
from meshdht.node.anchorage import Anchorage
from meshdht.node.approvals import Approvals
from meshdht.node.background import Background
from meshdht.node.calling import Caller
from meshdht.node.control import ControlPort, SendDatagram
from meshdht.node.cut_off import CutOff
from meshdht.node.deputies import Deputies
from meshdht.node.dispatch import Dispatcher
from meshdht.node.enforcing import Enforcer
from meshdht.node.entrance import Entrance
from meshdht.node.generations import Generations
from meshdht.node.herald import Herald
from meshdht.node.holding import holder_check
from meshdht.node.holdings import NodeHoldings
from meshdht.node.invite_meetings import InviteMeetings
from meshdht.node.keeping import Keeper
from meshdht.node.link_talk import LinkTalk
from meshdht.node.mooring import Mooring
from meshdht.node.moving import Moved
from meshdht.node.network_time import NetworkTime
from meshdht.node.news import NodeNews
from meshdht.node.peers import Peers
from meshdht.node.ports import NodeObserver, NodeState, NodeStore, WaysOut
from meshdht.node.publishing import Publisher
from meshdht.node.relay_host import RelayHost
from meshdht.node.relaying import Relays
from meshdht.node.rotating import Rotator
from meshdht.node.seeking import Seeker
from meshdht.node.telling import send_gossip
from meshdht.node.traversal import Traversal
from meshdht.node.writing import OwnStatements
from meshdht.paths.candidate import Network
from meshdht.records.endpoint import CandidateKind


class Node(NodeNews):
    """A member of a network."""

    def __init__(
        self,
        state: NodeState,
        store: NodeStore,
        send: SendDatagram,
        clock: Clock,
        entropy: Entropy,
        observer: NodeObserver,
        ways: WaysOut | None = None,
    ) -> None:
        self._identity = identity = state.identity
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
        self._peers = self._make_peers()
        self.relay_host = RelayHost(self._control, self._peers.vantage.is_own)
        """What this device does as a relay: nothing, until it is given ports to lend."""
        self.links = LinkTalk(identity.device, self._control, self._peers)
        """What members say of the links among them."""
        self._gossip = self._make_gossip()
        self._dht = self._make_dht(store)
        self._entrance = self._make_entrance()
        self._deputies = Deputies(
            identity, self._holdings, self._dht.anchors, self._control, self._peers.neighbours
        )
        self._publisher = self._make_publisher(store)
        self._meetings = InviteMeetings(identity, self._holdings, self._control, self.vantage)
        self._relays = self._make_relays()
        self._caller = self._make_caller()
        self._moved = Moved(self._caller.call)
        self.traversal = self._make_traversal(ways)
        """Gets this device through NATs, and knows its own."""
        self._seeker = self._make_seeker()
        self._cut_off = CutOff(
            identity.device, self._peers, self._dht, self._entrance, self._holdings
        )
        self._statements = OwnStatements(self._holdings, self._gossip, self._journal, store)
        self._admission = self._make_admission()
        self._generations = self._make_generations()
        self.rotator = self._make_rotator()
        """Begins generations, and revokes."""
        whom = self._missing_peers, self._generations.whereabouts
        self._herald = Herald(identity, self._holdings, self._control, *whom)
        self._dispatcher = self._make_dispatcher()
        self.datagram_received = self._dispatcher.datagram_received
        """A datagram that is not WireGuard's came in, and its source; any bytes are fine."""
        self.elsewhere_received = self._dispatcher.elsewhere_received
        """The same for another socket of ours, from anybody but its far end."""
        self._restore()

    def _make_peers(self) -> Peers:
        return Peers(
            self._identity.signing,
            self._control,
            self._peer_connected,
            self._path_changed,
            self._reflexive_changed,
            self._proved,
            release=self._state.release,
        )

    def _make_gossip(self) -> Gossip:
        return Gossip(
            self._identity.device,
            self._holdings,
            self._peers.neighbours,
            self._tell,
            self._control.entropy,
            self._time.monotonic,
        )

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
            on_seen=self._peers.vantage.seen_by_contact,
            has_heard=self._control.has_heard,
            belongs=lambda node_id: self._holdings.roster.has_node(node_id),
            is_anchor=lambda node_id: not self._holdings.roster.has_member_node(node_id),
            on_met=lambda node_id, endpoint: self._peers.learn(DeviceId(node_id), [endpoint]),
            untold=self._peers.vantage.legs,
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
            lambda: self._peers.vantage.reflexive.endpoints,
            lambda: self._peers.vantage.nat,
            lambda: self.relay_host.is_offered(),
            self._keeper.failed,
        )

    def _tell(self, message: Message, to: Endpoint) -> None:
        speaks = self._generations.speaks(to)
        send_gossip(self._identity, self._control, message, to, speaks)

    def _make_caller(self) -> Caller:
        return Caller(
            self._identity,
            self._holdings,
            self._control,
            self._peers,
            self._publisher.best_endpoints,
            lambda *punched: self._punched(*punched),
            lambda device: self.traversal.puncher.nat_to_tell(device),
            self._tell,
            self._relays,
        )

    def _make_relays(self) -> Relays:
        return Relays(
            self._identity,
            self._control,
            self._peers,
            self.relay_places,
            lambda relay: self._holdings.roster.has_node(relay.raw),
            lambda: [] if self._has_direct_path() else self._missing_peers(),
            self._meetings,
            lambda device: self._caller.call_to_relays(device),
        )

    def _make_traversal(self, ways: WaysOut | None) -> Traversal:
        own_id, call = self._identity.device, self._caller.call_to_relays
        return Traversal(own_id, self._control, self._holdings, self._peers, ways, call)

    def _make_entrance(self) -> Entrance:
        peers = [endpoint for _, endpoint in self._state.peers]
        hints = self._state.hints
        return Entrance(self._dht, self._control.entropy, peers, hints, self._entered)

    def _make_admission(self) -> Admission:
        approvals = Approvals(
            self._identity,
            self._holdings,
            self._control,
            self._peers,
            self._statements.write_down,
            self.want,
        )
        return Admission(
            self._identity,
            self._holdings,
            self._control,
            self._statements.add,
            self._journal.flush,
            self._background.spawn,
            self._peers.neighbours,
            self._gossip.fetch,
            approvals,
        )

    def _make_generations(self) -> Generations:
        generations = Generations(
            self._identity,
            self._holdings,
            self._control,
            self._peers.neighbours,
            self._missing_peers,
            self._known_anchors,
            self._state.hints,
            on_learned=lambda: self._journal.write(self._save_generations),
            on_switch=self._switched,
            push=self._gossip.push_statements,
            reconcile_with=self._gossip.reconcile_with,
            put_out=self._observer.put_out,
        )
        for device, endpoint in self._state.peers:
            generations.was_at(self._latest(device), endpoint)
        return generations

    def _make_rotator(self) -> Rotator:
        return Rotator(
            self._identity,
            self._holdings,
            self._control,
            self._generations,
            self._statements,
            self._peers,
            self._save_generations,
        )

    def _make_dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self._identity,
            self._control,
            self._dht,
            self._peers,
            self._gossip,
            self._generations,
            self._herald,
            self.traversal.talk,
            lambda incoming: self._admission.requested(self._meetings.opened(incoming)),
            self._admission.heard,
            self._caller.handle,
            self.relay_host.received,
            self._relays.received,
            self.links.handle,
        )

    async def _save_generations(self) -> None:
        await self._store.save_generations(self._identity)

    def _make_mooring(self) -> Mooring:
        whom = self._has_direct_path, self._anchor_ids, self._contacts_beyond, self._met
        return Mooring(self._dht, self._control.entropy, *whom)

    def _make_anchorage(self) -> Anchorage:
        return Anchorage(self._dht, self._control.entropy, self._anchor_ids)

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
            self._caller.call,
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
            self._peers.learn(self._latest(device), [endpoint])
        for device in self._peers.sought():
            # Who relays, and where streams are served, is known before anybody is heard.
            self._holdings.recall(device, self._dht.held)

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
                tasks.create_task(self._relays.run())
                tasks.create_task(self.relay_host.run())
                tasks.create_task(self.traversal.run())
                tasks.create_task(self._deputies.run())
                tasks.create_task(self._generations.run())
                tasks.create_task(self._herald.run())
                tasks.create_task(self.rotator.run())
                tasks.create_task(Enforcer(self, self.rotator, self.want).run())
                tasks.create_task(self._dht.run())
                tasks.create_task(self._make_mooring().run())
                tasks.create_task(self._make_anchorage().run())
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

    async def let_go(self) -> None:
        """Give back what relays lend to this device: before the process ends, if no other goes on
        for it at once."""
        await self._relays.let_go()

    def stay_bound(self) -> None:
        """Another process goes on for this one: ``let_go`` is to do nothing."""
        self._relays.stay()

    # --- for the daemon ----------------------------------------------------------------------

    def set_local(self, endpoints: Sequence[Endpoint], networks: Sequence[Network]) -> None:
        """The machine's own addresses (with our port) and the networks they are on."""
        self._control.set_local(endpoints)
        self._peers.set_local(endpoints, networks)
        self._relays.network_changed()
        self._publisher.set_host_endpoints(endpoints)
        self._streams_moved(endpoints)
        self._seeker.restart()
        self.traversal.network_changed()
        self._generations.look()
        if self._background.group is not None:
            self._moved.moved(self._peers.needed())
            self._entrance.network_changed()

    def set_mapped(self, endpoints: Sequence[Endpoint]) -> None:
        """Where routers pass to this device what comes to them from outside."""
        if self._publisher.set_others(CandidateKind.MAPPED, endpoints):
            self._seeker.restart()

    def set_anchors(self, anchors: Sequence[Endpoint]) -> None:
        """Where the anchors are that the user named."""
        self._entrance.set_anchors(anchors)
