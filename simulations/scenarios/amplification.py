"""What a spoofed source draws: bytes that reach the one whose address was written on it."""

from __future__ import annotations

import asyncio

from meshdht.dht.messages import PADDED_SIZE, FindNode, FindValue, Ping, StoreValue, encode_request
from meshdht.endpoint import Endpoint
from meshdht.wire.packet import MessageKind
from simulations import stock
from simulations.adversary import Insider
from simulations.measure import locator_of, settled
from simulations.network import DatagramNetwork
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, render
from simulations.world import PORT, World, household, world

REQUESTS = 20


class _Victim(Insider):
    """The address that is abused: it hears, and never asked for anything."""

    def asking(self, request: bytes) -> bytes:
        return self._proof.asking(request)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        self._note(source, "datagram", b"")


async def amplification(options: Options) -> Report:
    """requests of an insider with another's address written on them: bytes out for bytes in"""
    rows: list[list[Cell]] = []
    async with world(options.seed, options.network(lossy=False)) as one:
        await settled(one, options.nodes)
        for number, (name, kind, body) in enumerate(_requests(one)):
            rows.append(await _abuse(one, number, name, kind, body))
        digest = one.network.digest
    if options.stock:
        rows += await _stock(options)
    head = ("request", "sent", "bytes in", "bytes out", "out/in")
    return Report(render(head, rows), digest)


def _requests(one: World) -> list[tuple[str, MessageKind, bytes]]:
    target, key = one.hosts[1].id.raw, locator_of(one.hosts[0], one.hosts[0].clock.unix())
    value = one.hosts[0].dht._storage.get(key) or b""
    request = MessageKind.DHT_REQUEST
    return [
        ("ping", request, encode_request(Ping())),
        ("find node", request, encode_request(FindNode(target))),
        ("find, padded", request, encode_request(FindNode(target), padded=True)),
        ("find value", request, encode_request(FindValue(key, 0))),
        ("store", request, encode_request(StoreValue(key, value))),
        ("probe", MessageKind.PROBE, bytes(72)),
        ("join", MessageKind.JOIN_REQUEST, bytes(260)),
        ("gossip", MessageKind.GOSSIP, bytes(100)),
    ]


async def _abuse(one: World, number: int, name: str, kind: MessageKind, body: bytes) -> list[Cell]:
    """Each request goes to every node of the network."""
    packet_key = one.ledger.identities[0].generation.secret.packet_key
    at = Endpoint(f"198.51.{number}.99", PORT)
    victim = _Victim(one.network, at, packet_key, one.seed + number)
    if len(body) == PADDED_SIZE:
        # What is padded asks for a reply key as well: answered at once, and at some cost.
        body = victim.asking(body)
    for _ in range(REQUESTS):
        for host in one.hosts:
            victim.port.send(kind, victim.port.draw_message_id(), body, host.endpoint)
    await asyncio.sleep(5)
    return _row(one.network, name, at)


def _row(network: DatagramNetwork, name: str, at: Endpoint) -> list[Cell]:
    taken, given = network.sent_bytes[at], network.received_bytes[at]
    return [name, network.sent[at], taken, given, given / taken]


async def _stock(options: Options) -> list[list[Cell]]:
    """The unmodified package: an unknown address that asks is welcomed with stores."""
    network = options.network(lossy=False)
    async with stock.seeded(options.seed) as chance:
        peers = await stock.start(network, options.nodes, chance)
        for number in range(20):
            await peers[number % len(peers)].server.set(str(number), "v" * 800)
        rows: list[list[Cell]] = []
        abused = stock.StockPeer(network, household(options.nodes))
        network.attach(abused.endpoint, lambda datagram, source: None)
        for peer in peers:
            to = (peer.endpoint.host, peer.endpoint.port)
            abused.server.protocol.ping(to, chance.randbytes(20))
        await asyncio.sleep(60)
        rows.append(_row(network, "stock: ping", abused.endpoint))
    return rows
