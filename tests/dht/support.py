"""Whole Dht instances over a network in memory, behind the real control channel."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Sequence

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import PacketKey, SigningKey
from meshdht.dht.admission import Belongs, anybody
from meshdht.dht.dht import Dht, K
from meshdht.dht.messages import (
    Nodes,
    Outcome,
    Reply,
    Stored,
    Value,
    WireContact,
    encode_reply,
)
from meshdht.dht.proof import Proof, split_request
from meshdht.dht.storage import RecordStorage
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.wire.channel import ControlChannel
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock
from simulations.network import DatagramNetwork

PACKET_KEY = PacketKey(bytes(range(32)))
VALUE_SIZE = 800
_MAGIC = b"value"


def value_of(author: str, sequence: int, size: int = VALUE_SIZE) -> bytes:
    """A value that ``verify`` takes under ``key_of(author)``."""
    head = _MAGIC + hashlib.sha1(author.encode()).digest() + sequence.to_bytes(8, "big")
    return head + bytes(size - len(head))


def key_of(author: str) -> bytes:
    return hashlib.sha1(author.encode()).digest()


def distance(one: bytes, other: bytes) -> int:
    """Between two ids, or an id and a key."""
    return int.from_bytes(one, "big") ^ int.from_bytes(other, "big")


def verify(key: bytes, value: bytes) -> int:
    """Stands in for an envelope: the key must be the author's, the sequence is inside."""
    if not value.startswith(_MAGIC) or value[5:25] != key:
        raise Malformed("not this author's value")
    return int.from_bytes(value[25:33], "big")


def key_pair(number: int) -> SigningKey:
    """The key of a device that a test makes up."""
    return SigningKey(number.to_bytes(SigningKey.SIZE, "big"))


class Voice:
    """A device that answers by the test's hand: its id, and replies that prove it."""

    def __init__(self, number: int) -> None:
        self.signing = key_pair(number)
        self._proof = Proof(self.signing, PACKET_KEY)
        self.id = self._proof.own_id

    def says(self, reply: Reply, request: bytes, message_id: bytes, requester: bytes) -> bytes:
        """The body that answers a request as it was sent."""
        _, key = split_request(request, requester)
        return self._proof.proved(encode_reply(reply), request, message_id, requester, key)


class Peer:
    """One device: a Dht, its control channel, its place in the network."""

    def __init__(
        self,
        network: DatagramNetwork,
        number: int,
        seed: int = 0,
        belongs: Belongs = anybody,
    ) -> None:
        self.entropy = SeededEntropy(seed * 100_003 + number)
        signing = SigningKey.generate(self.entropy)
        self.id = signing.public.device_id.raw
        self.endpoint = Endpoint(f"10.{number >> 8}.{number & 255}.1", 51820)
        self.network = network
        self.clock = VirtualClock()
        self.channel = ControlChannel(signing.public.device_id, PACKET_KEY, self.entropy)
        self.storage = RecordStorage(self.clock)
        proof = Proof(signing, PACKET_KEY)
        self.dht = Dht(
            proof,
            self.send,
            self.storage,
            verify,
            self.entropy,
            self.clock,
            belongs=belongs,
            has_heard=self.channel.has_heard,
        )
        self.sent: list[tuple[MessageKind, bytes, bytes, Endpoint]] = []
        self.tracing = False
        network.attach(self.endpoint, self.receive)

    def send(self, kind: MessageKind, message_id: bytes, body: bytes, to: Endpoint) -> None:
        if self.tracing:
            self.sent.append((kind, message_id, body, to))
        now, unix = self.clock.monotonic(), self.clock.unix()
        datagram = self.channel.seal(kind, message_id, body, to, now=now, unix=unix)
        self.network.send(datagram, self.endpoint, to)

    def receive(self, datagram: bytes, source: Endpoint) -> None:
        now, unix = self.clock.monotonic(), self.clock.unix()
        incoming = self.channel.open(datagram, source, now=now, unix=unix)
        if incoming is not None:
            self.dht.packet_received(incoming)

    def die(self) -> None:
        self.network.detach(self.endpoint)

    def known(self) -> set[bytes]:
        """Ids in the routing table."""
        return {node.id for node in self.dht._protocol.router}


async def joined(network: DatagramNetwork, count: int, seed: int = 0) -> list[Peer]:
    """A network of ``count`` peers, each bootstrapped by one that came before it."""
    rng = random.Random(seed)
    peers: list[Peer] = []
    for number in range(count):
        peer = Peer(network, number, seed)
        while peers and not await peer.dht.bootstrap([rng.choice(peers).endpoint]):
            pass
        peers.append(peer)
    await asyncio.sleep(5)
    return peers


async def all_published(peers: Sequence[Peer], sequence: int = 1) -> None:
    for number, peer in enumerate(peers):
        assert await peer.dht.publish(key_of(str(number)), value_of(str(number), sequence)) > 0


def lying(peers: Sequence[Peer]) -> None:
    """From now on they name nobody but each other, acknowledge every store, and hold nothing."""
    named = tuple(WireContact(peer.id, peer.endpoint) for peer in peers[:K])
    lies = {
        "rpc_find_node": lambda sender, target: Nodes(named),
        "rpc_find_value": lambda sender, key, newer_than: Value(0, b"", named),
        "rpc_store": lambda sender, source, key, value: Stored(Outcome.STORED, 1, named),
    }
    for peer in peers:
        for name, lie in lies.items():
            setattr(peer.dht._protocol, name, lie)
