"""Insiders that hide devices: who is still found.

The DHT alone, without what stands on it: bare nodes behind the real control channel.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from contextlib import suppress

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import PacketKey, SigningKey
from meshdht.dht.dht import Dht
from meshdht.dht.messages import FindNode, WireContact
from meshdht.dht.proof import Proof
from meshdht.dht.storage import RecordStorage
from meshdht.endpoint import Endpoint
from meshdht.errors import Refused
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from simulations import stock
from simulations.adversary import Colluder, Insider, SybilMaker
from simulations.loop import VirtualClock, alone
from simulations.network import DatagramNetwork
from simulations.scenarios.options import Options, Report
from simulations.stock import StockPeer
from simulations.table import Cell, percent, quantile, render
from simulations.world import PORT, address

SYBILS, MEMBERS = "Sybils", "members"
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)
KEYS = 20
SYBILS_PER_KEY = 20
# Of those that were there before, so many are in the link that a newcomer has, whoever they are.
HINTS = 3
# An insider makes itself known to as many nodes as this.
GREETED = 200
PACKET_KEY = PacketKey(bytes(range(32)))


def value_under(key: bytes) -> bytes:
    return key + bytes(780)


def verify(key: bytes, value: bytes) -> int:
    """Stands in for an envelope: no insider can make another value for a key."""
    if value != value_under(key):
        raise Refused("not this key's value")
    return 1


class BareHost:
    """A DHT node with nothing above it; ``members`` is its roster."""

    def __init__(
        self, network: DatagramNetwork, at: Endpoint, signing: SigningKey, members: set[bytes]
    ) -> None:
        entropy = SeededEntropy(int.from_bytes(signing.raw[:8], "big"))
        clock = NetworkTime(VirtualClock())
        self.endpoint = at
        self._port = ControlPort(signing.public.device_id, PACKET_KEY, self._send, clock, entropy)
        self._storage = RecordStorage(clock)
        self.dht = Dht(
            Proof(signing, PACKET_KEY),
            self._port.send,
            self._storage,
            verify,
            entropy,
            clock,
            belongs=members.__contains__,
        )
        self._network = network
        network.attach(self.endpoint, self._receive)

    def holds(self, key: bytes) -> bool:
        return self._storage.get(key) is not None

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self._network.send(datagram, self.endpoint, to)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        incoming = self._port.open(datagram, source)
        if incoming is not None:
            self.dht.packet_received(incoming)


class Counts:
    """What became of the look-ups of one run or, added up, of several."""

    HEAD = ("held by", "least", "asked", "denied", "worst", "median ms", "sent")

    def __init__(self) -> None:
        self.held: list[int] = []
        self._ms: list[float] = []
        self.asked = 0
        self.denied = 0
        self.worst = (0, 0)
        """Denied and asked of the run that lost most."""
        self.sent: list[int] = []

    def note(self, found: bool, seconds: float, sent: int) -> None:
        self.asked += 1
        self.denied += not found
        self._ms.append(1000 * seconds)
        self.sent.append(sent)

    def add(self, run: Counts) -> None:
        self.held += run.held
        self._ms += run._ms
        self.asked += run.asked
        self.denied += run.denied
        self.sent += run.sent
        self.worst = max(self.worst, (run.denied, run.asked))

    @property
    def least_held(self) -> int:
        """Of the key that the fewest honest nodes hold, how many do."""
        return min(self.held)

    def cells(self) -> list[Cell]:
        denied = percent(self.denied, self.asked)
        medians = [quantile(each, 0.5) for each in (self._ms, self.sent)]
        held = quantile(self.held, 0.5)
        return [held, self.least_held, self.asked, denied, percent(*self.worst), *medians]


async def eclipse(options: Options) -> Report:
    """insiders that hide devices, as Sybils and as members: denied look-ups, by their share"""
    rows: list[list[Cell]] = []
    history = hashlib.blake2b(digest_size=16)
    for attack in (SYBILS, MEMBERS):
        for share in SHARES:
            counts = Counts()
            for each in options.each_seed():
                one, digest = await alone(outcome(each, share, attack))
                counts.add(one)
                history.update(digest.encode())
            rows.append([attack, "ours", f"{share:.0%}", *counts.cells()])
        for share in SHARES if options.stock else ():
            counts = Counts()
            for each in options.each_seed():
                counts.add(await alone(_stock(each, share, attack)))
            rows.append([attack, "stock", f"{share:.0%}", *counts.cells()])
    head = ("insiders", "what", "share", *Counts.HEAD)
    remark = (
        f"{options.nodes} nodes, {KEYS} keys, {options.seeds} seeds.\n"
        f"{SYBILS}: hold the packet key; {SYBILS_PER_KEY} ids nearer to each key than any honest "
        "node, at their ports.\n"
        f"{MEMBERS}: real devices that name only each other, acknowledge and hold nothing.\n"
        "held by: honest nodes that hold a key, median and least; denied: of all look-ups, and of "
        "the worst seed's;\nsent: datagrams of a look-up, median."
    )
    return Report(render(head, rows), history.hexdigest(), (remark,))


async def outcome(options: Options, share: float, attack: str) -> tuple[Counts, str]:
    """Look-ups among this share of insiders, and the run's digest."""
    network, chance = options.network(), random.Random(options.seed)
    keys = [chance.randbytes(20) for _ in range(KEYS)]
    hosts, liars = await _meet(options, network, share, attack, chance)
    if attack == SYBILS and liars:
        _invent(network, keys, liars, chance)
    for liar in liars:
        for host in chance.sample(hosts, min(GREETED, len(hosts))):
            liar.ask(FindNode(liar.id), host.endpoint)
        await asyncio.sleep(0.1)
    await asyncio.sleep(10)
    for host in hosts:
        await host.dht.refresh()
    for key in keys:
        await chance.choice(hosts).dht.publish(key, value_under(key))
    counts = Counts()
    counts.held = [sum(host.holds(key) for host in hosts) for key in keys]
    loop = asyncio.get_running_loop()
    for _ in range(options.lookups):
        key = chance.choice(keys)
        reader = chance.choice([host for host in hosts if not host.holds(key)] or hosts)
        begun, before = loop.time(), network.sent[reader.endpoint]
        value = await reader.dht.lookup(key)
        counts.note(value is not None, loop.time() - begun, network.sent[reader.endpoint] - before)
    counts.worst = (counts.denied, counts.asked)
    return counts, network.digest


async def _meet(
    options: Options, network: DatagramNetwork, share: float, attack: str, chance: random.Random
) -> tuple[list[BareHost], list[Insider]]:
    """Nodes and insiders come in any order; each node knows a few of those before it."""
    entropy = SeededEntropy(options.seed)
    bad = set(chance.sample(range(1, options.nodes), round(share * options.nodes)))
    hosts: list[BareHost] = []
    liars: list[Insider] = []
    accomplices: list[WireContact] = []
    members: set[bytes] = set()
    there: list[Endpoint] = []
    for number in range(options.nodes):
        at = Endpoint(address(number), PORT)
        if number in bad:
            kind = Colluder if attack == MEMBERS else SybilMaker
            liar = kind(network, at, PACKET_KEY, options.seed * 1_000_003 + number)
            accomplices.append(WireContact(liar.id, at))
            if isinstance(liar, Colluder):
                liar.accomplices = accomplices
                members.add(liar.id)
            liars.append(liar)
        else:
            signing = SigningKey.generate(entropy)
            members.add(signing.public.device_id.raw)
            host = BareHost(network, at, signing, members)
            while hosts and not await host.dht.bootstrap(
                chance.sample(there, min(HINTS, len(there)))
            ):
                pass
            hosts.append(host)
        there.append(at)
    return hosts, liars


def _invent(
    network: DatagramNetwork, keys: list[bytes], liars: list[Insider], chance: random.Random
) -> None:
    """Give the liars ids nearer to each key than any honest node's, each at a port of one of
    theirs, where somebody answers as well as may be."""
    sybils: dict[bytes, tuple[WireContact, ...]] = {}
    for place, key in enumerate(keys):
        first = 50_000 + SYBILS_PER_KEY * place
        sybils[key] = tuple(
            WireContact(
                key[:10] + chance.randbytes(10),
                Endpoint(liars[number % len(liars)].endpoint.host, first + number),
            )
            for number in range(SYBILS_PER_KEY)
        )
        liars = liars + [
            SybilMaker(network, each.endpoint, PACKET_KEY, each.endpoint.port, node_id=each.node_id)
            for each in sybils[key]
        ]
    for liar in liars:
        if isinstance(liar, SybilMaker):
            liar.sybils = sybils


async def _stock(options: Options, share: float, attack: str) -> Counts:
    """The same of the unmodified package; its insiders are servers whose answers are replaced."""
    network, counts = options.network(), Counts()
    async with stock.seeded(options.seed) as chance:
        peers = await stock.start(network, options.nodes, chance)
        liars = chance.sample(peers, round(share * options.nodes))
        honest = [peer for peer in peers if peer not in liars]
        names = [f"key {number}" for number in range(KEYS)]
        keys = [hashlib.sha1(name.encode()).digest() for name in names]
        if liars and attack == SYBILS:
            liars += _stock_sybils(options, network, keys, chance)
        near = [(liar.server.node.id, liar.endpoint) for liar in liars]
        for liar in liars:
            _corrupt(liar, keys, near)
        for name in names:
            # Where a look-up finds nobody to store at, the package fails with this.
            with suppress(ValueError):
                await chance.choice(honest).server.set(name, "v")
        stores = [peer.server.storage for peer in honest]
        counts.held = [sum(each.get(key) is not None for each in stores) for key in keys]
        loop = asyncio.get_running_loop()
        for _ in range(options.lookups):
            place = chance.randrange(KEYS)
            away = [peer for peer in honest if peer.server.storage.get(keys[place]) is None]
            reader = chance.choice(away or honest)
            begun, before = loop.time(), network.sent[reader.endpoint]
            value = await reader.server.get(names[place])
            sent = network.sent[reader.endpoint] - before
            counts.note(value is not None, loop.time() - begun, sent)
    counts.worst = (counts.denied, counts.asked)
    return counts


def _stock_sybils(
    options: Options, network: DatagramNetwork, keys: list[bytes], chance: random.Random
) -> list[StockPeer]:
    """Elsewhere than the insiders' own: the package does not look at addresses."""
    sybils: list[StockPeer] = []
    for key in keys:
        for _ in range(SYBILS_PER_KEY):
            sybils.append(StockPeer(network, options.nodes + len(sybils)))
            sybils[-1].server.node.id = key[:10] + chance.randbytes(10)
    return sybils


def _corrupt(liar: StockPeer, keys: list[bytes], near: list[tuple[bytes, Endpoint]]) -> None:
    """Replace what a server of the package answers about the keys that are hidden."""
    protocol = liar.server.protocol
    honest = protocol.rpc_find_node

    def find(sender: object, node_id: bytes, key: bytes) -> object:
        if key not in keys:
            return honest(sender, node_id, key)
        wanted = int.from_bytes(key, "big")
        ranked = sorted(near, key=lambda each: int.from_bytes(each[0], "big") ^ wanted)
        return [(each, *endpoint) for each, endpoint in ranked[:20]]

    protocol.rpc_find_node = find
    protocol.rpc_find_value = find
    protocol.rpc_store = lambda sender, node_id, key, value: True
