"""The baseline: the ``kademlia`` package as it is, on the same simulated network.

The package draws ids of messages from the kernel and numbers from the global generator; both
are seeded here, or no run of it could be repeated. Its MessagePack, which is written in Python,
took almost half of a run: another makes the same bytes.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import msgspec
from kademlia.network import Server

from meshdht.endpoint import Endpoint
from simulations.network import DatagramNetwork
from simulations.world import household

# Datagrams after which a run that feeds itself is given up: it would never end.
DATAGRAMS_MAX = 2_000_000
MESSAGE_PACK = SimpleNamespace(packb=msgspec.msgpack.encode, unpackb=msgspec.msgpack.decode)


class NeverEnds(Exception):
    """The baseline had sent DATAGRAMS_MAX datagrams and was not done."""


class _Transport:
    """What the package takes for a socket."""

    def __init__(self, network: DatagramNetwork, endpoint: Endpoint) -> None:
        self._network = network
        self._endpoint = endpoint

    def sendto(self, data: bytes, to: tuple[str, int]) -> None:
        self._network.send(data, self._endpoint, Endpoint(*to))


class StockPeer:
    """One server of the package."""

    def __init__(
        self, network: DatagramNetwork, at: Endpoint, node_id: bytes | None = None
    ) -> None:
        """``node_id``: without one, the package draws it."""
        self.endpoint = at
        self.server: Any = Server(node_id=node_id)
        self._network = network
        self._protocol: Any = self.server._create_protocol()
        self._protocol.transport = _Transport(network, self.endpoint)
        self.server.protocol = self._protocol
        network.attach(self.endpoint, self._receive)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        if self._network.datagrams < DATAGRAMS_MAX:
            self._protocol.datagram_received(datagram, (source.host, source.port))

    def die(self) -> None:
        self._network.detach(self.endpoint)


async def start(network: DatagramNetwork, count: int, chance: random.Random) -> list[StockPeer]:
    """``count`` servers, each bootstrapped by one that came before it."""
    peers: list[StockPeer] = []
    for number in range(count):
        peer = StockPeer(network, household(number))
        if peers:
            await finished(network, peer.server.bootstrap([tuple(chance.choice(peers).endpoint)]))
        peers.append(peer)
    return peers


async def finished(network: DatagramNetwork, work: Any) -> Any:
    """Await a call of the package; raises NeverEnds if the network has had enough."""
    result = await work
    if network.datagrams >= DATAGRAMS_MAX:
        raise NeverEnds
    return result


@asynccontextmanager
async def seeded(seed: int) -> AsyncIterator[random.Random]:
    """Makes the package draw from ``seed``; quiet, and without tasks that outlive the block."""
    chance = random.Random(seed)
    state = random.getstate()
    random.seed(seed)
    for name in ("kademlia", "rpcudp", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    before = asyncio.all_tasks()
    try:
        with (
            patch("rpcudp.protocol.os", SimpleNamespace(urandom=chance.randbytes)),
            patch("rpcudp.protocol.umsgpack", MESSAGE_PACK),
        ):
            yield chance
    finally:
        random.setstate(state)
        for name in ("kademlia", "rpcudp", "asyncio"):
            logging.getLogger(name).setLevel(logging.NOTSET)
        for task in asyncio.all_tasks() - before:
            task.cancel()
