"""Insiders that name only their Sybils as the nearest to a key: who is still found.

The DHT alone, without what stands on it: bare nodes behind the real control channel.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Mapping

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.dht.dht import Dht
from meshdht.dht.messages import (
    FindNode,
    FindValue,
    Nodes,
    Outcome,
    Reply,
    Request,
    Stored,
    StoreValue,
    Value,
    WireContact,
)
from meshdht.dht.storage import RecordStorage
from meshdht.endpoint import Endpoint
from meshdht.errors import Refused
from meshdht.node.control import ControlPort
from meshdht.wire.packet import MessageKind
from simulations import stock
from simulations.adversary import Insider, key_of
from simulations.loop import VirtualClock
from simulations.network import DatagramNetwork
from simulations.scenarios.options import Options, Report
from simulations.stock import StockPeer
from simulations.table import Cell, percent, quantile, render
from simulations.world import PORT, address

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)
KEYS = 10
SYBILS_PER_KEY = 20
PACKET_KEY = PacketKey(bytes(range(32)))


def value_under(key: bytes) -> bytes:
    return key + bytes(780)


def verify(key: bytes, value: bytes) -> int:
    """Stands in for an envelope: no insider can make another value for a key."""
    if value != value_under(key):
        raise Refused("not this key's value")
    return 1


class BareHost:
    """A DHT node with nothing above it."""

    def __init__(self, network: DatagramNetwork, number: int, seed: int) -> None:
        entropy, clock = SeededEntropy(seed * 1_000_003 + number), VirtualClock()
        self.endpoint = Endpoint(address(number), PORT)
        node_id = DeviceId(entropy.token(DeviceId.SIZE))
        self._port = ControlPort(node_id, PACKET_KEY, self._send, clock, entropy)
        self._storage = RecordStorage(clock)
        self.dht = Dht(node_id.raw, self._port.send, self._storage, verify, entropy, clock)
        self._network = network
        network.attach(self.endpoint, self._receive)

    def holds(self, key: bytes) -> bool:
        return self._storage.get(key) is not None

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self._network.send(datagram, self.endpoint, to)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        incoming = self._port.open(datagram, source)
        if incoming is None:
            return
        packet, dht = incoming.packet, self.dht
        sender, message_id = packet.sender.raw, packet.message_id
        if packet.kind is MessageKind.DHT_REQUEST:
            valid = incoming.validated
            dht.request_received(sender, message_id, packet.body, source, validated=valid)
        elif packet.kind is MessageKind.DHT_REPLY:
            dht.reply_received(sender, message_id, packet.body, source)
        elif packet.kind is MessageKind.RETRY:
            dht.retry_received(message_id, source)


class Eclipser(Insider):
    """Honest about everything but the keys that it hides: these only its Sybils are near to."""

    sybils: Mapping[bytes, tuple[WireContact, ...]]

    def answer(self, request: Request) -> Reply | None:
        near = self.sybils.get(key_of(request), ())
        match request:
            case FindNode() if near:
                return Nodes(near)
            case FindValue() if near:
                return Value(0, b"", near)
            case StoreValue() if near:
                return Stored(Outcome.STORED, 1)
            case _:
                return super().answer(request)


def sybil_contacts(
    keys: list[bytes], hosts: list[Endpoint], chance: random.Random
) -> dict[bytes, tuple[WireContact, ...]]:
    """Twenty ids a key, nearer to it than any honest node, each at a port of one of the hosts."""
    contacts: dict[bytes, tuple[WireContact, ...]] = {}
    for place, key in enumerate(keys):
        first = 50_000 + SYBILS_PER_KEY * place
        contacts[key] = tuple(
            WireContact(
                key[:10] + chance.randbytes(10),
                Endpoint(hosts[number % len(hosts)].host, first + number),
            )
            for number in range(SYBILS_PER_KEY)
        )
    return contacts


class Counts:
    """What became of the look-ups of one run."""

    HEAD = ("stored at", "least", "asked", "denied", "median ms", "sent")

    def __init__(self, held: list[int]) -> None:
        self._held = held
        self._ms: list[float] = []
        self.asked = 0
        self.denied = 0
        self.sent: list[int] = []

    def note(self, found: bool, seconds: float, sent: int) -> None:
        self.asked += 1
        self.denied += not found
        self._ms.append(1000 * seconds)
        self.sent.append(sent)

    @property
    def least_held(self) -> int:
        """Of the key that the fewest honest nodes hold, how many do."""
        return min(self._held)

    def cells(self) -> list[Cell]:
        denied = percent(self.denied, self.asked)
        medians = [quantile(each, 0.5) for each in (self._ms, self.sent)]
        return [quantile(self._held, 0.5), self.least_held, self.asked, denied, *medians]


async def eclipse(options: Options) -> Report:
    """insiders that name only their Sybils as the nearest: denied look-ups, by their share"""
    rows: list[list[Cell]] = []
    digests: list[str] = []
    for share in SHARES:
        counts, digest = await outcome(options, share)
        rows.append(["ours", f"{share:.0%}", *counts.cells()])
        digests.append(digest)
    for share in SHARES if options.stock else ():
        rows.append(["stock", f"{share:.0%}", *await _stock(options, share)])
    head = ("what", "insiders", *Counts.HEAD)
    remark = (
        f"{options.nodes} nodes; {KEYS} keys, each with {SYBILS_PER_KEY} Sybils nearer than any "
        "honest node, at ports of the insiders, who are there before the keys are stored.\n"
        "stored at: honest nodes that hold a key, median and least; sent: datagrams, median."
    )
    return Report(render(head, rows), " ".join(digests), (remark,))


async def outcome(options: Options, share: float) -> tuple[Counts, str]:
    """Look-ups among this share of insiders, and the run's digest."""
    network, chance = options.network(), random.Random(options.seed)
    bad = round(share * options.nodes)
    hosts: list[BareHost] = []
    for number in range(options.nodes - bad):
        host = BareHost(network, number, options.seed)
        while hosts and not await host.dht.bootstrap([chance.choice(hosts).endpoint]):
            pass
        hosts.append(host)
    keys = [chance.randbytes(20) for _ in range(KEYS)]
    await _infiltrate(options, network, hosts, keys, chance)
    for key in keys:
        await chance.choice(hosts).dht.publish(key, value_under(key))
    counts = Counts([sum(host.holds(key) for host in hosts) for key in keys])
    loop = asyncio.get_running_loop()
    for _ in range(options.lookups):
        key = chance.choice(keys)
        reader = chance.choice([host for host in hosts if not host.holds(key)] or hosts)
        begun, before = loop.time(), network.sent[reader.endpoint]
        value = await reader.dht.lookup(key)
        counts.note(value is not None, loop.time() - begun, network.sent[reader.endpoint] - before)
    return counts, network.digest


async def _infiltrate(
    options: Options,
    network: DatagramNetwork,
    hosts: list[BareHost],
    keys: list[bytes],
    chance: random.Random,
) -> None:
    """The insiders enter, and become known as far as upkeep makes anybody known."""
    ends = [Endpoint(address(each), PORT) for each in range(len(hosts), options.nodes)]
    sybils = sybil_contacts(keys, ends, chance) if ends else {}
    places = [(end, b"") for end in ends]
    places += [(each.endpoint, each.node_id) for told in sybils.values() for each in told]
    for number, (end, node_id) in enumerate(places):
        liar = Eclipser(network, end, PACKET_KEY, options.seed + number, node_id=node_id)
        liar.sybils = sybils
        if not node_id:
            await liar.enter(chance.choice(hosts).endpoint)
    await asyncio.sleep(10)
    for host in hosts:
        await host.dht.refresh()


async def _stock(options: Options, share: float) -> list[Cell]:
    """The same of the unmodified package; its insiders are servers whose answers are replaced."""
    network = options.network()
    async with stock.seeded(options.seed) as chance:
        peers = await stock.start(network, options.nodes, chance)
        liars = chance.sample(peers, round(share * options.nodes))
        honest = [peer for peer in peers if peer not in liars]
        names = [f"key {number}" for number in range(KEYS)]
        keys = [hashlib.sha1(name.encode()).digest() for name in names]
        sybils: dict[bytes, tuple[WireContact, ...]] = {}
        for key in keys if liars else []:
            # Elsewhere than the insiders' own: the package does not look at addresses.
            first = options.nodes + SYBILS_PER_KEY * len(sybils)
            ours = [StockPeer(network, first + number) for number in range(SYBILS_PER_KEY)]
            for each in ours:
                each.server.node.id = key[:10] + chance.randbytes(10)
            sybils[key] = tuple(WireContact(each.server.node.id, each.endpoint) for each in ours)
            liars += ours
        for liar in liars:
            _corrupt(liar, sybils)
        for name in names:
            await chance.choice(honest).server.set(name, "v")
        stores = [peer.server.storage for peer in honest]
        counts = Counts([sum(each.get(key) is not None for each in stores) for key in keys])
        loop = asyncio.get_running_loop()
        for _ in range(options.lookups):
            place = chance.randrange(KEYS)
            away = [peer for peer in honest if peer.server.storage.get(keys[place]) is None]
            reader = chance.choice(away)
            begun, before = loop.time(), network.sent[reader.endpoint]
            value = await reader.server.get(names[place])
            sent = network.sent[reader.endpoint] - before
            counts.note(value is not None, loop.time() - begun, sent)
    return counts.cells()


def _corrupt(liar: StockPeer, sybils: Mapping[bytes, tuple[WireContact, ...]]) -> None:
    """Replace what a server of the package answers about the keys that are hidden."""
    protocol = liar.server.protocol
    honest = protocol.rpc_find_node

    def find(sender: object, node_id: bytes, key: bytes) -> object:
        if (near := sybils.get(key)) is None:
            return honest(sender, node_id, key)
        return [(each.node_id, *each.endpoint) for each in near]

    protocol.rpc_find_node = find
    protocol.rpc_find_value = find
    protocol.rpc_store = lambda sender, node_id, key, value: True
