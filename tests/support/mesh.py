"""Whole nodes on the virtual clock: a network of datagrams with walls, and disks in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import IPv4Network

from meshdht import __version__
from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import (
    DeviceId,
    NetworkSecret,
    RecoveryKey,
    SigningKey,
    WireGuardPrivateKey,
)
from meshdht.dht.dht import Contact
from meshdht.dht.storage import SavedValue
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError, StateError
from meshdht.membership.generations import FIRST_GENERATION, Generation
from meshdht.membership.invites import write_genesis
from meshdht.membership.link import Link
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import NO_TERMS, GenesisBody, Statement, Terms
from meshdht.node.control import ControlPort
from meshdht.node.identity import Identity
from meshdht.node.inviting import Scope, invite_device
from meshdht.node.joining import Joined, Joiner
from meshdht.node.network_time import NetworkTime
from meshdht.node.node import Node
from meshdht.node.ports import NodeState
from meshdht.wire.classify import Traffic, classify
from simulations.loop import VirtualClock
from simulations.network import Side
from tests.support.internet import Internet
from tests.support.observed import Observed

RANGE = IPv4Network("100.99.0.0/18")
RECOVERY = RecoveryKey(bytes(range(32)))
ELSEWHERE = Endpoint("198.18.200.1", 41820)


class MemoryStore:
    """A NodeStore. ``failing`` makes the disk refuse; ``written`` tells what happened, in order."""

    def __init__(self, identity: Identity, log: MembershipLog) -> None:
        self.identity = identity
        self.statements = [each.raw for each in log]
        self.sequence = 0
        self.contacts: Sequence[Contact] = ()
        self.marks: dict[DeviceId, int] = {}
        self.peers: dict[DeviceId, Endpoint] = {}
        self.values: dict[bytes, SavedValue] = {}
        self.hints: Sequence[Endpoint] = ()
        self.release = __version__
        self.failing = False
        self.latency_s = 0.0
        self.written: list[str] = []

    async def _disk(self, what: str) -> None:
        await asyncio.sleep(self.latency_s)
        if self.failing:
            raise StateError("no space left on the disk", "free some")
        self.written.append(what)

    async def next_sequence(self, unix_ms: int) -> int:
        sequence = max(self.sequence + 1, unix_ms)
        await self._disk("sequence")
        self.sequence = sequence
        return sequence

    async def save_generations(self, identity: Identity) -> None:
        await self._disk("generations")
        self.identity = replace(identity)

    async def replace_keys(self, heir: Identity, statement: Statement) -> None:
        await self.save_generations(heir)
        await self.append_statements([statement])

    async def append_statements(self, statements: Sequence[Statement]) -> None:
        await self._disk("statements")
        self.statements += [each.raw for each in statements if each.raw not in self.statements]

    async def save_contacts(self, contacts: Sequence[Contact]) -> None:
        await self._disk("contacts")
        self.contacts = list(contacts)

    def note_mark(self, device: DeviceId, sequence: int) -> None:
        self.marks[device] = max(sequence, self.marks.get(device, 0))

    def note_peer(self, device: DeviceId, endpoint: Endpoint, unix: float) -> None:
        self.peers[device] = endpoint

    def note_value(self, saved: SavedValue) -> None:
        self.values[saved.key] = saved

    def note_value_gone(self, key: bytes) -> None:
        self.values.pop(key, None)

    def when_written(self, done: Callable[[], None]) -> None:
        done()

    def state(self) -> NodeState:
        """What a restart would read."""
        log = MembershipLog(self.identity.network)
        for raw in self.statements:
            log.add(raw)
        return NodeState(
            replace(self.identity),
            log,
            peers=sorted(self.peers.items()),
            hints=self.hints,
            contacts=self.contacts,
            values=[self.values[key] for key in sorted(self.values)],
            marks=sorted(self.marks.items()),
            release=self.release,
        )


class Machine:
    """One device: its disk, and its node while it runs."""

    def __init__(
        self,
        mesh: Mesh,
        number: int,
        identity: Identity,
        log: MembershipLog,
        peers: Sequence[tuple[DeviceId, Endpoint]],
    ) -> None:
        self._mesh = mesh
        self._runs = 0
        self.number = number
        self.endpoint = mesh.home(number)
        self.side: Side = mesh.internet
        """What it is plugged into: the internet, or a network behind a NAT."""
        self.store = MemoryStore(identity, log)
        self.store.peers.update(peers)
        self.observed = Observed()
        self.node = self._make(self.store.state())
        self._task: asyncio.Task[None] | None = None

    def _make(self, state: NodeState) -> Node:
        self._runs += 1
        entropy = SeededEntropy(self._mesh.seed * 10_007 + self.number * 101 + self._runs)
        self.clock = VirtualClock()
        return Node(state, self.store, self.send, self.clock, entropy, self.observed)

    @property
    def id(self) -> DeviceId:
        return self.store.identity.device

    def send(self, datagram: bytes, to: Endpoint) -> None:
        self.side.send(datagram, self.endpoint, to)

    def start(self) -> None:
        self.side.attach(self.endpoint, self._receive)
        self.node.set_local([self.endpoint], [])
        self._task = self._mesh.tasks.create_task(self.node.run())

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        if classify(datagram) is Traffic.CONTROL:
            self.node.datagram_received(datagram, source)

    async def stop(self, *, crash: bool = False) -> None:
        """End the node; its disk stays."""
        if not crash:
            await self.node.let_go()
            await self.node.save()
        self.side.detach(self.endpoint)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def restart(self) -> None:
        """A new node on the same disk."""
        self.node = self._make(self.store.state())
        self.start()

    def move(self, endpoint: Endpoint, side: Side | None = None) -> None:
        """Another address, as a laptop gets elsewhere."""
        self.remap(endpoint, side)
        self.node.set_local([endpoint], [])

    def remap(self, endpoint: Endpoint, side: Side | None = None) -> None:
        """A router before it has another address for it, and tells it nothing."""
        self.side.detach(self.endpoint)
        self.endpoint = endpoint
        self.side = side or self.side
        self.side.attach(endpoint, self._receive)

    def reaches(self, other: Machine) -> bool:
        return self.node.path(other.id).endpoint == other.endpoint

    def names(self) -> list[str]:
        return sorted(device.name for device in self.node.roster)

    async def invite(
        self, *, uses: int = 1, expires_s: int = 3600, terms: Terms = NO_TERMS
    ) -> Link:
        """A link that names only this device."""
        scope = Scope(expires_s, uses, terms=terms)
        here = [self.endpoint]
        return await invite_device(self.node, scope, here, self.clock, self._mesh.entropy)


class Mesh:
    """A network in the making; ``mesh()`` opens one."""

    def __init__(self, seed: int, internet: Internet, tasks: asyncio.TaskGroup) -> None:
        self.seed = seed
        self.internet = internet
        self.tasks = tasks
        self.entropy = SeededEntropy(seed)
        self.machines: list[Machine] = []
        self.at_end: list[Callable[[], Awaitable[None]]] = []
        """How others than machines that live here are stopped."""
        self._homes = 0

    def home(self, number: int) -> Endpoint:
        """Where machine ``number`` is until it moves: one household an address."""
        return Endpoint(f"198.18.{number + 1}.1", 41820)

    def found(self) -> Machine:
        """The first device of the network."""
        signing = SigningKey(self.entropy.token(32))
        wireguard = WireGuardPrivateKey(self.entropy.token(32))
        seed, recovery = self.entropy.token(16), RECOVERY.public
        body = GenesisBody("home", RANGE, seed, "d0", wireguard.public, recovery)
        genesis = write_genesis(body, author=signing, unix_ms=int(VirtualClock().unix() * 1000))
        log = MembershipLog(genesis.network_id)
        log.add(genesis.raw)
        generation = Generation(FIRST_GENERATION, NetworkSecret(self.entropy.token(32)))
        return self._add(Identity(signing, wireguard, genesis.network_id, generation), log)

    def _add(
        self, identity: Identity, log: MembershipLog, *peers: tuple[DeviceId, Endpoint]
    ) -> Machine:
        machine = Machine(self, len(self.machines), identity, log, peers)
        self.machines.append(machine)
        machine.start()
        return machine

    def copy(self, machine: Machine, ahead_s: float) -> Machine:
        """A machine as from another's backup, whose numbers start so much later than now."""
        log = machine.store.state().log
        others = [(each.id, each.endpoint) for each in self.machines if each is not machine]
        twin = Machine(self, len(self.machines), machine.store.identity, log, others)
        twin.store.sequence = int((VirtualClock().unix() + ahead_s) * 1000)
        self.machines.append(twin)
        twin.start()
        return twin

    def joiner(self, link: Link, name: str, at: Endpoint) -> Joiner:
        """A joiner that listens at an endpoint."""
        signing = SigningKey(self.entropy.token(32))
        wireguard = WireGuardPrivateKey(self.entropy.token(32))
        control = ControlPort(
            signing.public.device_id,
            link.packet_key,
            lambda datagram, to: self.internet.send(datagram, at, to),
            NetworkTime(VirtualClock()),
            SeededEntropy(int.from_bytes(self.entropy.token(4), "big")),
        )
        joiner = Joiner(link, signing, wireguard, name, control)

        def receive(datagram: bytes, source: Endpoint) -> None:
            if incoming := control.open(datagram, source):
                try:
                    joiner.received(incoming)
                except RemoteError:
                    return

        self.internet.attach(at, receive)
        return joiner

    async def ask(
        self,
        link: Link,
        *,
        name: str = "pi",
        at: Endpoint = ELSEWHERE,
        hints: Sequence[Endpoint] | None = None,
        timeout_s: float = 30.0,
    ) -> Joined:
        """Ask to be let in, and no more; raises what ``Joiner.run`` raises."""
        joiner = self.joiner(link, name, at)
        try:
            return await joiner.run(hints or link.hints, timeout_s)
        finally:
            self.internet.detach(at)

    async def join(self, link: Link, *, hints: Sequence[Endpoint] | None = None) -> Machine:
        """Join, and run."""
        number = len(self.machines)
        joined = await self.ask(link, name=f"d{number}", at=self.home(number), hints=hints)
        return self._add(joined.identity, joined.log, (joined.member, joined.endpoint))

    async def grow(self, size: int) -> list[Machine]:
        """A mesh of ``size`` devices, all connected."""
        first = self.machines[0] if self.machines else self.found()
        while len(self.machines) < size:
            await self.join(await first.invite())
        await self.connected()
        return self.machines

    async def connected(
        self, machines: Sequence[Machine] | None = None, within_s: float = 30.0
    ) -> float:
        """Wait until all reach all; returns how long that took."""
        every = self.machines if machines is None else machines
        return await eventually(
            lambda: all(a.reaches(b) for a in every for b in every if a is not b), within_s
        )


async def eventually(condition: Callable[[], bool], within_s: float = 30.0) -> float:
    """Wait for a condition, in virtual time; returns the seconds it took."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while not condition():
        assert loop.time() - begun < within_s, f"not within {within_s} s"
        await asyncio.sleep(0.01)
    return loop.time() - begun


@asynccontextmanager
async def mesh(
    seed: int = 1, *, latency: tuple[float, float] = (0.01, 0.05), loss: float = 0.0
) -> AsyncIterator[Mesh]:
    """An empty mesh; what runs in it ends with the block."""
    async with asyncio.TaskGroup() as tasks:
        world = Mesh(seed, Internet(seed, latency=latency, loss=loss), tasks)
        try:
            yield world
        finally:
            for machine in world.machines:
                await machine.stop(crash=True)
            for stop in world.at_end:
                await stop()
