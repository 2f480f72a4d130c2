"""What stands in for the machine around a daemon's parts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from meshdht.crypto.keys import WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import (
    AddPeer,
    Operation,
    PeerConfig,
    PeerStats,
    RemovePeer,
    UpdatePeer,
)
from meshdht.net.links import Link
from meshdht.net.netlink import IPNetwork, LocalAddress, LocalRange


class FakePort:
    """A UdpPort that hands its datagrams to a function."""

    def __init__(self, send: Callable[[bytes, Endpoint], None]) -> None:
        self.send: Any = send

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody should use the port's {name}")


class FakeNetlink:
    """A machine with these addresses, and these ranges in use."""

    def __init__(
        self,
        addresses: Sequence[LocalAddress] = (),
        overlapping: Sequence[LocalRange] = (),
        *,
        default_mtus: Sequence[int] = (),
        link_mtus: Mapping[str, int] = MappingProxyType({}),
        links: Sequence[Link] = (),
    ) -> None:
        self._addresses = list(addresses)
        self._ranges = list(overlapping)
        self.defaults = list(default_mtus)
        self.mtus = dict(link_mtus)
        self._links = list(links)
        self.gateways: list[tuple[str, str]] = []

    async def default_mtus(self, *, excluding: str) -> list[int]:
        return self.defaults

    async def default_gateways(self, *, excluding: Collection[str]) -> list[tuple[str, str]]:
        return [each for each in self.gateways if each[1] not in excluding]

    async def link_mtus(self) -> dict[str, int]:
        return self.mtus

    async def links(self) -> list[Link]:
        return self._links

    async def ways_out(self) -> set[str]:
        return set()

    async def local_addresses(self) -> list[LocalAddress]:
        return self._addresses

    async def overlaps(self, network: IPNetwork, *, excluding: str) -> list[LocalRange]:
        return [
            each
            for each in self._ranges
            if each.interface != excluding
            and each.network.version == network.version
            and each.network.overlaps(network)
        ]


class FakeEngine:
    """A Backend that only remembers; ``handshakes`` are the Unix times of the last ones."""

    name = "fake"
    features = ("speed",)
    lacks = ("more speed",)
    trouble = "it only remembers"

    def __init__(self) -> None:
        self.configs: dict[WireGuardPublicKey, PeerConfig] = {}
        self.applied: list[Operation] = []
        self.traffic: dict[WireGuardPublicKey, PeerStats] = {}

    async def start(self) -> None:
        raise AssertionError("nobody should start it")

    async def apply(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            self.applied.append(operation)
            if isinstance(operation, AddPeer | UpdatePeer):
                self.configs[operation.config.public_key] = operation.config
            elif isinstance(operation, RemovePeer):
                del self.configs[operation.public_key]

    async def peers(self) -> dict[WireGuardPublicKey, PeerConfig]:
        return dict(self.configs)

    async def stats(self) -> dict[WireGuardPublicKey, PeerStats]:
        return dict(self.traffic)

    async def close(self) -> None:
        raise AssertionError("nobody should close it")


class NoStreams:
    """What is known of TCP where no stream is open."""

    def __init__(self, *impostors: Endpoint) -> None:
        self.server: Endpoint | None = None
        self.impostors = impostors
        self.looked = 0

    def look_again(self) -> None:
        self.looked += 1
