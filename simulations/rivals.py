"""The DHT alone, ours and the package's: honest nodes, and insiders that hide what is stored.

Both are attacked in one way. Insiders of either kind lie from the moment they come; what they
name, a Plot says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from unittest.mock import patch

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import PacketKey, SigningKey
from meshdht.dht.dht import Dht
from meshdht.dht.messages import WireContact
from meshdht.dht.proof import Proof
from meshdht.dht.storage import RecordStorage
from meshdht.endpoint import Endpoint
from meshdht.errors import Refused
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from simulations.adversary import Colluder, Insider, SybilMaker, nearest_of
from simulations.loop import VirtualClock
from simulations.network import DatagramNetwork
from simulations.stock import StockPeer

PACKET_KEY = PacketKey(bytes(range(32)))


def key_of_name(name: bytes) -> bytes:
    """Where the package stores what it is given under a name; we do as well."""
    return hashlib.sha1(name).digest()


@dataclass(slots=True)
class Plot:
    """What the insiders of a run have agreed on; all of them look into the same one."""

    accomplices: list[WireContact] = field(default_factory=list)
    sybils: dict[bytes, tuple[WireContact, ...]] = field(default_factory=dict)
    """By the keys that they hide."""


class Honest(Protocol):
    """A node that does what it should."""

    endpoint: Endpoint

    async def enter(self, known: Sequence[Endpoint]) -> bool:
        """Find in by these; False if that led to nobody."""

    async def refresh(self) -> None:
        """Look into every bucket, as upkeep does."""

    async def publish(self, name: bytes) -> None: ...

    async def finds(self, name: bytes) -> bool: ...

    def holds(self, name: bytes) -> bool: ...


class Liar(Protocol):
    """An insider."""

    endpoint: Endpoint

    @property
    def id(self) -> bytes: ...

    def greet(self, to: Endpoint) -> None:
        """Ask a node something, so that it comes to know of us."""


class Rival(Protocol):
    """One of the two."""

    plot: Plot

    def honest(self, at: Endpoint) -> Honest: ...

    def member(self, at: Endpoint) -> Liar:
        """Names only accomplices, whatever is asked; acknowledges every store, holds nothing."""

    def sybil(self, at: Endpoint, node_id: bytes | None = None) -> Liar:
        """Does so where there are Sybils to be named; elsewhere it is honest. With an id of its
        choice, it is one of them."""


# --- ours ------------------------------------------------------------------------------------


def value_under(key: bytes) -> bytes:
    return key + bytes(780)


def verify(key: bytes, value: bytes) -> int:
    """Stands in for an envelope: no insider can make another value for a key."""
    if value != value_under(key):
        raise Refused("not this key's value")
    return 1


class BareNode:
    """Our DHT behind the real control channel; ``members`` is its roster."""

    def __init__(
        self, network: DatagramNetwork, at: Endpoint, signing: SigningKey, members: set[bytes]
    ) -> None:
        entropy = SeededEntropy(int.from_bytes(signing.raw[:8], "big"))
        clock = NetworkTime(VirtualClock())
        self.endpoint = at
        self._port = ControlPort(signing.public.device_id, PACKET_KEY, self._send, clock, entropy)
        self._storage = RecordStorage(clock)
        self._dht = Dht(
            Proof(signing, PACKET_KEY),
            self._port.send,
            self._storage,
            verify,
            entropy,
            clock,
            belongs=members.__contains__,
        )
        self._network = network
        network.attach(at, self._receive)

    async def enter(self, known: Sequence[Endpoint]) -> bool:
        return await self._dht.bootstrap(known) > 0

    async def refresh(self) -> None:
        await self._dht.refresh()

    async def publish(self, name: bytes) -> None:
        key = key_of_name(name)
        await self._dht.publish(key, value_under(key))

    async def finds(self, name: bytes) -> bool:
        return await self._dht.lookup(key_of_name(name)) is not None

    def holds(self, name: bytes) -> bool:
        return self._storage.get(key_of_name(name)) is not None

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self._network.send(datagram, self.endpoint, to)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        incoming = self._port.open(datagram, source)
        if incoming is not None:
            self._dht.packet_received(incoming)


class Ours:
    """Its Sybils are in no roster: they hold the packet key alone."""

    def __init__(self, network: DatagramNetwork, seed: int) -> None:
        self.plot = Plot()
        self._network = network
        self._entropy = SeededEntropy(seed)
        self._roster: set[bytes] = set()

    def honest(self, at: Endpoint) -> BareNode:
        signing = SigningKey.generate(self._entropy)
        self._roster.add(signing.public.device_id.raw)
        return BareNode(self._network, at, signing, self._roster)

    def member(self, at: Endpoint) -> Insider:
        liar = Colluder(self._network, at, PACKET_KEY, self._seed())
        liar.accomplices = self.plot.accomplices
        self._roster.add(liar.id)
        return liar

    def sybil(self, at: Endpoint, node_id: bytes | None = None) -> Insider:
        liar = SybilMaker(self._network, at, PACKET_KEY, self._seed(), node_id=node_id or b"")
        liar.sybils = self.plot.sybils
        return liar

    def _seed(self) -> int:
        return int.from_bytes(self._entropy.token(4), "big")


# --- the package -----------------------------------------------------------------------------


class StockNode(StockPeer):
    """A server of the package."""

    async def enter(self, known: Sequence[Endpoint]) -> bool:
        return bool(await self.server.bootstrap([tuple(each) for each in known]))

    async def refresh(self) -> None:
        router = self.server.protocol.router
        # By itself it looks into those alone that nobody has looked into for an hour.
        with patch.object(router, "lonely_buckets", lambda: list(router.buckets)):
            await self.server._refresh_table()

    async def publish(self, name: bytes) -> None:
        # Where a look-up finds nobody to store at, the package fails with this.
        with suppress(ValueError):
            await self.server.set(name, "v")

    async def finds(self, name: bytes) -> bool:
        return await self.server.get(name) is not None

    def holds(self, name: bytes) -> bool:
        return self.server.storage.get(key_of_name(name)) is not None


class StockLiar(StockPeer):
    """A server whose answers are replaced where ``lie(key)`` says who is to be named."""

    def __init__(
        self,
        network: DatagramNetwork,
        at: Endpoint,
        lie: Callable[[bytes], Sequence[WireContact] | None],
        node_id: bytes | None = None,
    ) -> None:
        super().__init__(network, at, node_id)
        protocol = self.server.protocol
        find_node, store = protocol.rpc_find_node, protocol.rpc_store

        def find(sender: object, sender_id: bytes, key: bytes) -> object:
            near = lie(key)
            if near is None:
                return find_node(sender, sender_id, key)
            return [(each.node_id, *each.endpoint) for each in near]

        def take(sender: object, sender_id: bytes, key: bytes, value: object) -> object:
            return True if lie(key) is not None else store(sender, sender_id, key, value)

        # What it is asked for a value, a server answers by this too when it holds none.
        protocol.rpc_find_node = find
        protocol.rpc_store = take

    @property
    def id(self) -> bytes:
        return bytes(self.server.node.id)

    def greet(self, to: Endpoint) -> None:
        self.server.protocol.find_node(tuple(to), self.id, self.id)


class Stock:
    """It has no roster: whoever comes is a member."""

    def __init__(self, network: DatagramNetwork) -> None:
        self.plot = Plot()
        self._network = network

    def honest(self, at: Endpoint) -> StockNode:
        return StockNode(self._network, at)

    def member(self, at: Endpoint) -> StockLiar:
        return StockLiar(self._network, at, self._accomplices(at))

    def sybil(self, at: Endpoint, node_id: bytes | None = None) -> StockLiar:
        return StockLiar(self._network, at, self.plot.sybils.get, node_id)

    def _accomplices(self, at: Endpoint) -> Callable[[bytes], Sequence[WireContact]]:
        def near(key: bytes) -> Sequence[WireContact]:
            return nearest_of((e for e in self.plot.accomplices if e.endpoint != at), key)

        return near
