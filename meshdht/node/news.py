"""What the parts of a node tell each other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from meshdht.crypto.keys import DeviceId
from meshdht.dht.dht import Contact
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Gossip, Neighbour
from meshdht.membership.statements import Statement
from meshdht.node.background import Background
from meshdht.node.deputies import Deputies
from meshdht.node.generations import OVERLAP_S
from meshdht.node.journal import Journal
from meshdht.node.moving import Moved
from meshdht.node.ports import NodeObserver, NodeStore
from meshdht.node.rotating import Rotator
from meshdht.node.speaking import NodeSpeech
from meshdht.node.traversal import Traversal
from meshdht.paths.candidate import PathKind
from meshdht.records.endpoint import EndpointRecord, NatBehaviour


class NodeNews(NodeSpeech):
    """The part of a ``Node`` that hears of one part what others must know."""

    _store: NodeStore
    _observer: NodeObserver
    _background: Background
    _journal: Journal
    _gossip: Gossip
    _deputies: Deputies
    _moved: Moved
    rotator: Rotator
    traversal: Traversal

    def _proved(self, device: DeviceId, endpoint: Endpoint, rtt_s: float) -> None:
        self._dht.reached(device.raw, endpoint, rtt_s)
        self._moved.proved(device)

    def _statements_added(self, added: Sequence[Statement]) -> None:
        self._journal.write(lambda: self._store.append_statements(added))
        self._members_changed()
        self._successions_added(added)
        self._seeker.lost()
        self._observer.roster_changed()

    def _members_changed(self) -> None:
        self._peers.set_members(self._holdings.roster, self.mesh_networks)
        self._dht.members_changed()
        self.rotator.members_changed()
        self._generations.members_changed()
        self._relays.wake()

    def _switched(self) -> None:
        """Other keys than before: in the DHT, for records, in the tunnels."""
        self._dht.rekey(self._identity.generation.secret.packet_key)
        self._publisher.rekeyed()
        self._seeker.restart()
        for device in self._peers.sought():
            self._peers.learn(device, [])
        if self._background.group is not None:
            self._entrance.network_changed()
        self._observer.roster_changed()
        self._background.spawn(self._leave_the_last)

    async def _leave_the_last(self) -> None:
        """The tunnels let go of the last generation's keys."""
        await asyncio.sleep(OVERLAP_S + 1.0)
        self._observer.roster_changed()

    def _record_found(self, record: EndpointRecord) -> None:
        if record.device == self._identity.device:
            self._publisher.own_record_found(record)
            return
        self._store.note_mark(record.device, record.sequence)
        self._peers.learn(record.device, record.endpoints)
        self._deputies.note_held([record.device])
        self._keep(record)
        if record.relay_offer:
            self._relays.wake()

    def _keep(self, record: EndpointRecord) -> None:
        """Have the record of a device that we follow at hand at the next start."""
        held = self._holdings.record(record.device)
        key = self._holdings.locator(held.device, held.epoch) if held is not None else None
        if held is not None and key is not None and self._holdings.is_followed(held.device):
            self._dht.keep(key, held.envelope, record.sequence)

    def _peer_connected(self, device: DeviceId) -> None:
        path = self._peers.path(device)
        if path.endpoint is None:
            return
        self._gossip.connected(Neighbour(device, path.endpoint))
        self._publisher.peer_connected()
        self.traversal.connected()
        if path.kind is not PathKind.RELAY:
            self._entrance.heard(path.endpoint)

    def _reflexive_changed(self) -> None:
        """We are seen elsewhere: calls that were in vain named another place."""
        if self._publisher.changed():
            self._seeker.restart()
        self.traversal.puncher.wake()
        self._observer.seen_elsewhere()

    def _punched(
        self, device: DeviceId, nat: NatBehaviour, named: Sequence[Endpoint], is_needed: bool
    ) -> None:
        self.traversal.puncher.punched(device, nat, named, is_needed=is_needed)

    def _entered(self) -> None:
        self._publisher.peer_connected()
        self._seeker.restart()

    def _path_changed(self, device: DeviceId) -> None:
        path = self._peers.path(device)
        endpoint = path.endpoint
        self._relays.wake()
        if endpoint is None:
            self._seeker.lost()
            self._deputies.peer_lost()
            self._generations.look()
        elif path.kind is not PathKind.RELAY:
            # What a relay lends is of no use later.
            self._generations.was_at(device, endpoint)
            if endpoint not in self._peers.vantage.legs:
                self._store.note_peer(device, endpoint, self._control.clock.unix())
        self._observer.path_changed(device)

    def _time_shifted(self) -> None:
        """Other epochs than we thought: publish there, and look there."""
        self._publisher.outdated()
        self._seeker.restart()

    def _met(self, contacts: Sequence[Contact]) -> None:
        for contact in contacts:
            self._peers.learn(DeviceId(contact.node_id), [contact.endpoint])
