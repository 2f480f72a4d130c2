"""Devices of many networks on one DHT: the real publishing, seeking and gossip over a Dht each.

What is a model here is what holders do not see: paths. Two devices of a network that are on are
connected as soon as one knows where the other is (from its record, or from the last time), and
notice some time after one is gone. Gossip goes between those who are connected, sealed from
everybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshdht.clock import SeededEntropy
from meshdht.crypto.derive import derive
from meshdht.crypto.keys import DeviceId, SigningKey
from meshdht.dht.dht import Contact, Dht
from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from meshdht.gossip.gossip import Gossip, Neighbour
from meshdht.gossip.messages import Message
from meshdht.node.control import ControlPort
from meshdht.node.deputies import Deputies
from meshdht.node.holding import holder_check
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.network_time import NetworkTime
from meshdht.node.publishing import Publisher
from meshdht.node.seeking import Seeker
from meshdht.records.endpoint import EndpointRecord, NatBehaviour
from meshdht.records.locator import epoch_at
from simulations.disk import SimulatedDisk
from simulations.ledger import Ledger
from simulations.lives import Life, Stay
from simulations.loop import VirtualClock
from simulations.substrate import DhtHost, Substrate

# From knowing an address to a path, one probe and its answer; a message between two devices.
PATH_S = 0.15
GOSSIP_S = 0.05
# Until a silent peer is given up: keepalives and four probes.
SILENT_S = (5.0, 30.0)
FIRST_PORT = 2000


class Rendezvous:
    """What networks with one shared key do instead: all announce, and look, under one key.

    The key changes with the epoch. What a look-up hands out is the record that was sought, as a
    DHT that keeps several values under a key would.
    """

    def __init__(self, identity: Identity) -> None:
        self._secret = identity.generation.secret
        self.board: dict[bytes, bytes] = {}

    def key(self, unix: float) -> bytes:
        epoch = epoch_at(self._secret.epoch_key, unix)
        return derive(self._secret.raw, "rendezvous", epoch.to_bytes(8, "big"), size=20)


class RendezvousDht(Dht):
    """Maps every locator to the shared key."""

    rendezvous: Rendezvous

    async def publish(self, key: bytes, value: bytes, *, again: bool = False) -> int:
        self.rendezvous.board[key] = value
        return await super().publish(self.rendezvous.key(self._clock.unix()), value, again=again)

    async def lookup(self, key: bytes) -> bytes | None:
        await super().lookup(self.rendezvous.key(self._clock.unix()))
        return self.rendezvous.board.get(key)


class Strangers:
    """The whole DHT stands where a network's anchors would: of no holder is known whose it is."""

    def __init__(self, dht: Dht) -> None:
        self._dht = dht

    def ids(self) -> Sequence[bytes]:
        return ()

    async def hand_in(self, key: bytes, value: bytes) -> int:
        return await self._dht.publish(key, value)

    async def ask(self, key: bytes) -> bytes | None:
        return await self._dht.lookup(key)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the devices of a run go about it."""

    name: str
    one_key: bool = False
    """All of a network publish and look under one key."""
    deputies: bool = True
    """One of those who are connected speaks for a record, not its author."""
    fresh_ids: bool = False
    """Another node id whenever a device is switched on, or elsewhere."""


def unchecked(key: bytes, value: bytes) -> int:
    """What holders demand of a shared key's values: nothing; the newest is by its sequence."""
    return int.from_bytes(value[33:41], "big")


class Tenant:
    """One device of one network."""

    def __init__(
        self,
        home: Tenancy,
        identity: Identity,
        ledger: Ledger,
        life: Life,
        number: int,
    ) -> None:
        self.id = identity.device
        self.life = life
        self.is_on = False
        self.endpoint = Endpoint("0.0.0.0", FIRST_PORT + number)
        self.connected: set[DeviceId] = set()
        self.known: dict[DeviceId, list[Endpoint]] = {}
        """Where others may be: from their records, and from the last path."""
        self._home = home
        self._identity = identity
        self._ledger = ledger
        self._number = number
        self._disk = SimulatedDisk(identity, ledger.log, ledger.roster)
        self._contacts: list[Contact] = []
        self._lives = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def live(self) -> None:
        """Its whole life, which begins now."""
        loop = asyncio.get_running_loop()
        birth = loop.time()
        for number, stay in enumerate(self.life.stays):
            await asyncio.sleep(birth + stay.begin - loop.time())
            await self._begin(stay)
            await asyncio.sleep(birth + stay.end - loop.time())
            following = self.life.stays[number + 1 : number + 2]
            if not following or following[0].begin > stay.end:
                await self._stop()

    async def _begin(self, stay: Stay) -> None:
        self.endpoint = Endpoint(stay.host, self.endpoint.port)
        if self.is_on and not self._home.manner.fresh_ids:
            self.host.detach()
            self.host.endpoint = self.endpoint
            self.host.attach()
            self.publisher.set_host_endpoints([self.endpoint])
            self.seeker.restart()
            self._home.find_paths(self)
            return
        if self.is_on:
            await self._end()
        self._start()
        self._home.find_paths(self)

    def _start(self) -> None:
        self._lives += 1
        seed = (self._home.seed * 1009 + self._number) * 1009 + self._lives
        self.entropy = SeededEntropy(seed)
        self.host = self._home.make_host(self._node_key(), self.endpoint, seed)
        clock, identity = VirtualClock(), self._identity
        packet_key = identity.generation.secret.packet_key
        time = NetworkTime(clock)
        control = ControlPort(self.id, packet_key, lambda datagram, to: None, time, self.entropy)
        self.holdings = NodeHoldings(
            identity,
            self._ledger.log,
            clock,
            lambda added: None,
            self._record_found,
            roster=self._ledger.roster,
        )
        self.gossip = Gossip(
            self.id,
            self.holdings,
            self.neighbours,
            self._send_gossip,
            self.entropy,
            clock.monotonic,
        )
        deputies, anchors = self._home.manner.deputies, Strangers(self.host.dht)
        known: Callable[[], list[Neighbour]] = self.neighbours if deputies else lambda: []
        self.deputies = Deputies(identity, self.holdings, anchors, control, known)
        # No member holds records for the others: a DHT with nobody in it.
        alone = DhtHost(self.host.substrate, identity.signing, self.endpoint, unchecked, seed).dht
        self.publisher = Publisher(
            identity,
            self.holdings,
            alone,
            self.gossip,
            self.deputies,
            control,
            self._disk.next_sequence,
            lambda: (),
            lambda: NatBehaviour.UNKNOWN,
            lambda: False,
            self._disk_failed,
        )
        self.seeker = Seeker(
            identity,
            self.holdings,
            alone,
            self.gossip,
            self.deputies,
            control,
            self._others,
            self._is_connected,
            self._is_urgent,
            lambda _: False,
        )
        self.is_on = True
        self.host.attach()
        self.publisher.set_host_endpoints([self.endpoint])
        self.host.dht.remember(self._contacts)
        work = (self._publish(), self.seeker.run(), self.deputies.run(), self.gossip.run())
        self._tasks = [self._home.tasks.create_task(each) for each in work]

    def _node_key(self) -> SigningKey:
        fresh = self._home.manner.fresh_ids
        return SigningKey(self.entropy.token(32)) if fresh else self._identity.signing

    async def _publish(self) -> None:
        await self.host.dht.bootstrap(self._home.entrances(self.entropy))
        await self.publisher.run()

    async def _stop(self) -> None:
        await self._end()
        self._home.gone(self)

    async def _end(self) -> None:
        self.is_on = False
        self.connected.clear()
        self._contacts = self.host.dht.contacts()
        self.host.detach()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self.host.dht.close()

    def _is_connected(self, device: DeviceId) -> bool:
        return device in self.connected

    def _is_urgent(self, device: DeviceId) -> bool:
        return True

    def _disk_failed(self, error: StateError) -> None:
        raise error

    def _others(self) -> Sequence[DeviceId]:
        return [device.id for device in self._ledger.roster if device.id != self.id]

    def neighbours(self) -> list[Neighbour]:
        return [Neighbour(each, self.known[each][0]) for each in sorted(self.connected)]

    def _record_found(self, record: EndpointRecord) -> None:
        self.known[record.device] = record.endpoints
        self._home.find_path(self, record.device)
        if self._home.manner.deputies:
            self.deputies.note_held([record.device])

    def _send_gossip(self, message: Message, to: Endpoint) -> None:
        self._home.gossip(self, message, to)


class Tenancy:
    """The devices of one network on a substrate."""

    def __init__(
        self,
        substrate: Substrate,
        tasks: asyncio.TaskGroup,
        seed: int,
        entrances: Sequence[Endpoint],
        manner: Manner,
        rendezvous: Rendezvous,
    ) -> None:
        """``entrances``: nodes of the DHT that everybody knows."""
        self.seed = seed
        self.manner = manner
        self.tasks = tasks
        self.tenants: dict[DeviceId, Tenant] = {}
        self._substrate = substrate
        self._entrances = entrances
        self._rendezvous = rendezvous

    def make_host(self, signing: SigningKey, endpoint: Endpoint, seed: int) -> DhtHost:
        if not self.manner.one_key:
            verify = holder_check(VirtualClock())
            return DhtHost(self._substrate, signing, endpoint, verify, seed)
        host = DhtHost(self._substrate, signing, endpoint, unchecked, seed, RendezvousDht)
        assert isinstance(host.dht, RendezvousDht)
        host.dht.rendezvous = self._rendezvous
        return host

    def introduce(self) -> None:
        """Everybody knows where everybody first is, as from the day before."""
        for one in self.tenants.values():
            for other in self.tenants.values():
                if other is not one and other.life.stays:
                    first = Endpoint(other.life.stays[0].host, other.endpoint.port)
                    one.known[other.id] = [first]

    def entrances(self, entropy: SeededEntropy) -> list[Endpoint]:
        drawn = (int(entropy.uniform(0, len(self._entrances) - 1e-9)) for _ in range(3))
        return [self._entrances[each] for each in drawn]

    # --- paths -------------------------------------------------------------------------------

    def find_paths(self, tenant: Tenant) -> None:
        for device in self.tenants:
            self.find_path(tenant, device)

    def find_path(self, one: Tenant, device: DeviceId) -> None:
        """Connect the two, if either knows where the other is now."""
        other = self.tenants[device]
        if other is one or not (one.is_on and other.is_on):
            return
        if other.endpoint in one.known.get(device, ()) or one.endpoint in other.known.get(
            one.id, ()
        ):
            asyncio.get_running_loop().call_later(PATH_S, self._connect, one, other)

    def _connect(self, one: Tenant, other: Tenant) -> None:
        if not (one.is_on and other.is_on):
            return
        for here, there in ((one, other), (other, one)):
            here.known[there.id] = [there.endpoint]
            if there.id not in here.connected:
                here.connected.add(there.id)
                here.gossip.connected(Neighbour(there.id, there.endpoint))
                here.publisher.peer_connected()

    def gone(self, tenant: Tenant) -> None:
        """The others notice one by one."""
        loop = asyncio.get_running_loop()
        for other in self.tenants.values():
            if tenant.id in other.connected:
                notice: Callable[[Tenant, Tenant], None] = self._lose
                loop.call_later(other.entropy.uniform(*SILENT_S), notice, other, tenant)

    def _lose(self, here: Tenant, there: Tenant) -> None:
        if here.is_on and not there.is_on and there.id in here.connected:
            here.connected.discard(there.id)
            here.seeker.lost()
            here.deputies.peer_lost()

    def gossip(self, sender: Tenant, message: Message, to: Endpoint) -> None:
        """Deliver a message to whoever of this network is at an endpoint."""

        def arrive() -> None:
            for each in self.tenants.values():
                if each.is_on and each.endpoint == to:
                    each.known[sender.id] = [sender.endpoint]
                    each.gossip.handle(sender.id, sender.endpoint, message)

        asyncio.get_running_loop().call_later(GOSSIP_S, arrive)
