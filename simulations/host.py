"""One simulated machine: its disk, its clock, its place in the network, and its node while on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId, SigningKey, WireGuardPrivateKey
from meshdht.dht.dht import Dht
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.errors import RemoteError, StateError
from meshdht.membership.link import Link
from meshdht.membership.log import MembershipLog
from meshdht.membership.outcasts import Verdict
from meshdht.membership.roster import Roster
from meshdht.node.administering import replace_keys
from meshdht.node.control import ControlPort
from meshdht.node.dating import guesses_until
from meshdht.node.identity import Identity
from meshdht.node.inviting import Scope, hints, invite_device
from meshdht.node.joining import Joined, Joiner
from meshdht.node.network_time import NetworkTime
from meshdht.node.node import Node
from meshdht.paths.candidate import Network
from meshdht.wire.classify import Traffic, classify
from simulations.disk import SimulatedDisk
from simulations.legs import SimulatedLegs
from simulations.loop import VirtualClock
from simulations.network import Side

INVITE_S = 3600
JOIN_TIMEOUT_S = 30.0


class Host:
    """A machine that carries one device. It is its node's observer, and counts."""

    def __init__(
        self,
        number: int,
        endpoint: Endpoint,
        side: Side,
        tasks: asyncio.TaskGroup,
        seed: int,
        *,
        skew: float = 0.0,
        networks: Sequence[Network] = (),
        has_legs: bool = False,
    ) -> None:
        """``side`` is what it is plugged into; ``skew``: seconds that its wall clock is ahead;
        ``networks``: those that its interface is on; ``has_legs``: it has sockets to spare."""
        self.number = number
        self.endpoint = endpoint
        self.clock = VirtualClock(skew)
        self.events: Counter[str] = Counter()
        self.is_on = False
        self.side = side
        self.taps: list[Callable[[bytes], None]] = []
        """Each is given all that the host sends and hears, within its local network too."""
        self.sent_taps: list[Callable[[bytes], None]] = []
        """Each is given all that the host sends, by whatever socket."""
        self._networks = networks
        self._tasks = tasks
        self._seed = seed
        self._lives = 0
        self._task: asyncio.Task[None] | None = None
        self.legs = SimulatedLegs(
            lambda: self.side,
            lambda: self.endpoint.host,
            self._receive,
            lambda datagram, source: self.node.elsewhere_received(datagram, source),
            self._note_sent,
        )
        self._has_legs = has_legs
        self.disk: SimulatedDisk
        self.node: Node

    # --- life --------------------------------------------------------------------------------

    def install(self, identity: Identity, log: MembershipLog, roster: Roster | None = None) -> None:
        """Write a member's secrets and log to the disk: ``start`` makes it live."""
        self.disk = SimulatedDisk(identity, log, roster)

    def _entropy(self) -> SeededEntropy:
        """Another sequence in each life, the same in each run."""
        self._lives += 1
        return SeededEntropy((self._seed * 1_000_003 + self.number) * 1_009 + self._lives)

    def start(self, *, told_unix: float = 0.0) -> None:
        """Switch it on: a node on what the disk holds."""
        state = replace(self.disk.state(), told_unix=told_unix)
        self.node = Node(
            state,
            self.disk,
            self.send,
            self.clock,
            self._entropy(),
            self,
            self.legs if self._has_legs else None,
        )
        self.is_on = True
        self.side.attach(self.endpoint, self._receive)
        self.node.set_local([self.endpoint], self._networks)
        self._task = self._tasks.create_task(self.node.run())

    async def stop(self) -> None:
        """Switch it off in good order."""
        await self.node.let_go()
        await self.node.save()
        self.disk.flush()
        await self._end()

    async def crash(self) -> None:
        """Cut its power: what was not synced is lost."""
        self.disk.crash()
        await self._end()
        self.disk.crash()

    async def _end(self) -> None:
        self.is_on = False
        self.side.detach(self.endpoint)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        self.legs.close_all()

    async def replace_keys(self) -> None:
        """Have its device go on by other keys, and start again by these, as the daemon does;
        raises StateError, and nothing has happened."""
        await replace_keys(self.node)
        await self.stop()
        self.start()

    def sleep(self) -> None:
        """Close the lid: it neither hears nor speaks. (Its timers go on in vain.)"""
        self.is_on = False
        self.side.detach(self.endpoint)

    def wake(self) -> None:
        """Open the lid; the daemon tells the node that the network is there again."""
        self.is_on = True
        self.side.attach(self.endpoint, self._receive)
        self.node.set_local([self.endpoint], self._networks)

    def move(self, endpoint: Endpoint, side: Side | None = None) -> None:
        """Plug it in elsewhere, as a laptop that travels."""
        self.side.detach(self.endpoint)
        self.endpoint = endpoint
        self.side = side or self.side
        self.side.attach(endpoint, self._receive)
        self.node.set_local([endpoint], [])

    # --- datagrams ---------------------------------------------------------------------------

    def send(self, datagram: bytes, to: Endpoint) -> None:
        if self.is_on:
            self._note_sent(datagram)
            if to.host == LOOPBACK:
                self.legs.send(datagram, to)
            else:
                self.side.send(datagram, self.endpoint, to)

    def _note_sent(self, datagram: bytes) -> None:
        for tap in (*self.taps, *self.sent_taps):
            tap(datagram)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        for tap in self.taps:
            tap(datagram)
        if classify(datagram) is Traffic.CONTROL:
            self.node.datagram_received(datagram, source)

    # --- joining -----------------------------------------------------------------------------

    async def invite(self, *, uses: int = 1) -> Link:
        """A link that names this host, and others; raises StateError if it is no member."""
        scope, where = Scope(INVITE_S, uses), hints(self.node)
        return await invite_device(self.node, scope, where, self.clock, self._entropy())

    async def join(self, link: Link, asked: Sequence[Endpoint] = ()) -> Joined:
        """Join by a link, and start; raises what ``Joiner.run`` raises."""
        entropy = self._entropy()
        signing = SigningKey(entropy.token(SigningKey.SIZE))
        wireguard = WireGuardPrivateKey(entropy.token(WireGuardPrivateKey.SIZE))
        self.is_on = True
        time = NetworkTime(self.clock, guess=guesses_until(link.expires))
        control = ControlPort(signing.public.device_id, link.packet_key, self.send, time, entropy)
        joiner = Joiner(link, signing, wireguard, f"d{self.number}", control)

        def receive(datagram: bytes, source: Endpoint) -> None:
            if incoming := control.open(datagram, source):
                try:
                    joiner.received(incoming)
                except RemoteError:
                    self.events["bad reply"] += 1

        self.side.attach(self.endpoint, receive)
        joined = await joiner.run(asked or link.hints, JOIN_TIMEOUT_S)
        self.install(joined.identity, joined.log)
        self.disk.know_peer(joined.member, joined.endpoint)
        self.disk.know_hints(link.hints)
        self.start(told_unix=joined.unix)
        return joined

    # --- what its node tells -----------------------------------------------------------------

    def roster_changed(self) -> None:
        self.events["roster changed"] += 1

    def put_out(self, verdict: Verdict) -> None:
        self.events["put out"] += 1

    def path_changed(self, device: DeviceId) -> None:
        self.events["path changed"] += 1

    def seen_elsewhere(self) -> None:
        self.events["seen elsewhere"] += 1

    def clocks_judged(self) -> None:
        self.events["clocks judged"] += 1

    def disk_failed(self, error: StateError) -> None:
        self.events["disk failed"] += 1

    # --- questions ---------------------------------------------------------------------------

    @property
    def id(self) -> DeviceId:
        return self.disk.identity.device

    @property
    def dht(self) -> Dht:
        """Its node's DHT, to look up and publish by hand."""
        return self.node._dht

    def reaches(self, other: Host) -> bool:
        return self.node.path(other.id).endpoint is not None

    def knows_address(self, of: Host) -> bool:
        """Whether it holds the record that tells where the other is now."""
        record = self.node.holdings.cache.record(of.id)
        candidates = record.candidates if record else ()
        return of.endpoint in [candidate.endpoint for candidate in candidates]


async def eventually(condition: Callable[[], bool], within_s: float, step_s: float = 0.02) -> float:
    """Wait for a condition; the seconds it took, or infinity if it does not come true in time."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while not condition():
        if loop.time() - begun >= within_s:
            return float("inf")
        await asyncio.sleep(step_s)
    return loop.time() - begun
