"""A DHT that many networks share, and what its holders write down.

As if the networks published to a public DHT: everybody may speak, so that sealing packets hides
nothing from holders, and is left out. Datagrams carry DHT bodies as they are, with the sender's
id; addresses count as validated; none is lost. What every holder sees is noted once.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import PacketKey, SigningKey
from meshdht.dht.dht import Dht
from meshdht.dht.messages import FindNode, FindValue, StoreValue, decode_request
from meshdht.dht.proof import Proof, split_request
from meshdht.dht.protocol import Verify
from meshdht.dht.storage import RecordStorage
from meshdht.endpoint import Endpoint
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock
from simulations.network import HEADERS_BYTES

LATENCY_S = (0.02, 0.1)
# As many hold a value as in BitTorrent's DHT, the largest that is public.
K = 8
# Known to everybody.
PUBLIC_KEY = PacketKey(bytes(PacketKey.SIZE))
# A control packet's nonce, header and tag around the body.
SEAL_BYTES = 24 + 54 + 16

Receive = Callable[[MessageKind, bytes, bytes, bytes, Endpoint], None]
"""receive(kind, sender, message id, body, source)"""


class Noted(NamedTuple):
    """One request that reached a holder, with all that the holder sees of it."""

    at: float
    holder: bytes
    source: Endpoint
    sender: bytes
    kind: str
    """``store``, ``look`` (FIND_VALUE) or ``walk`` (FIND_NODE)."""
    key: bytes
    value: bytes
    """What is to be stored; empty for the others."""


class Substrate:
    """The internet between the nodes of one DHT."""

    def __init__(self, seed: int) -> None:
        self.notes: list[Noted] = []
        self.watched: set[bytes] = set()
        """The ids of the holders whose log is wanted."""
        self.traffic: Counter[bytes] = Counter()
        """Bytes on the wire by sender's id, sent and received."""
        self._random = random.Random(seed)
        self._receivers: dict[Endpoint, tuple[bytes, Receive]] = {}
        self._history = hashlib.blake2b(digest_size=16)

    @property
    def digest(self) -> str:
        """Of everything that was carried."""
        return self._history.copy().hexdigest()

    def attach(self, endpoint: Endpoint, node_id: bytes, receive: Receive) -> None:
        self._receivers[endpoint] = (node_id, receive)

    def detach(self, endpoint: Endpoint) -> None:
        self._receivers.pop(endpoint, None)

    def carry(
        self,
        kind: MessageKind,
        sender: bytes,
        source: Endpoint,
        message_id: bytes,
        body: bytes,
        to: Endpoint,
    ) -> None:
        """Take a datagram; it arrives if somebody is there then."""
        self._history.update(b"%d|%b|%b|%b" % (kind, message_id, body, str(to).encode()))
        self.traffic[sender] += len(body) + SEAL_BYTES + HEADERS_BYTES
        delay = self._random.uniform(*LATENCY_S)
        arrive = self._arrive
        loop = asyncio.get_running_loop()
        loop.call_later(delay, arrive, kind, sender, source, message_id, body, to)

    def _arrive(
        self,
        kind: MessageKind,
        sender: bytes,
        source: Endpoint,
        message_id: bytes,
        body: bytes,
        to: Endpoint,
    ) -> None:
        there = self._receivers.get(to)
        if there is None:
            return
        node_id, receive = there
        self.traffic[node_id] += len(body) + SEAL_BYTES + HEADERS_BYTES
        if kind is MessageKind.DHT_REQUEST and node_id in self.watched:
            self._note(node_id, sender, source, body)
        receive(kind, sender, message_id, body, source)

    def _note(self, holder: bytes, sender: bytes, source: Endpoint, body: bytes) -> None:
        now = asyncio.get_running_loop().time()
        request, _ = split_request(body, sender)
        match decode_request(request):
            case StoreValue(key, value):
                self.notes.append(Noted(now, holder, source, sender, "store", key, value))
            case FindValue(key, _):
                self.notes.append(Noted(now, holder, source, sender, "look", key, b""))
            case FindNode(target) if target != sender:
                self.notes.append(Noted(now, holder, source, sender, "walk", target, b""))


class DhtHost:
    """A node of the DHT at an address: the Dht that ships, and a storage of its own."""

    def __init__(
        self,
        substrate: Substrate,
        signing: SigningKey,
        endpoint: Endpoint,
        verify: Verify,
        seed: int,
        make: type[Dht] = Dht,
    ) -> None:
        self.substrate = substrate
        self.id = signing.public.device_id.raw
        self.endpoint = endpoint
        proof, clock = Proof(signing, PUBLIC_KEY), VirtualClock()
        self.dht = make(
            proof, self._send, RecordStorage(clock), verify, SeededEntropy(seed), clock, k=K
        )

    def _send(self, kind: MessageKind, message_id: bytes, body: bytes, to: Endpoint) -> None:
        self.substrate.carry(kind, self.id, self.endpoint, message_id, body, to)

    def _receive(
        self, kind: MessageKind, sender: bytes, message_id: bytes, body: bytes, source: Endpoint
    ) -> None:
        if kind is MessageKind.DHT_REQUEST:
            self.dht.request_received(sender, message_id, body, source, validated=True)
        elif kind is MessageKind.DHT_REPLY:
            self.dht.reply_received(sender, message_id, body, source)

    def attach(self) -> None:
        self.substrate.attach(self.endpoint, self.id, self._receive)

    def detach(self) -> None:
        self.substrate.detach(self.endpoint)
