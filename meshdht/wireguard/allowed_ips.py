"""Cryptokey routing (paper, section 2): the longest prefix that holds an address names the peer.

A dictionary per prefix length, longest first. A mesh has a handful of lengths, most of them
full (/32 and /128), so a look-up is one or two dictionary accesses. The walk that a trie needs
would cost more in Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Generic, TypeVar

IPNetwork = IPv4Network | IPv6Network
P = TypeVar("P")


class _Family(Generic[P]):
    """The prefixes of one address family; addresses are bytes in network order. Whole addresses
    stand in ``hosts``."""

    __slots__ = ("_bits", "_hosts", "_lengths", "_prefixes")

    def __init__(self, bits: int, hosts: dict[bytes, P]) -> None:
        self._bits = bits
        self._hosts = hosts
        self._prefixes: dict[int, dict[int, P]] = {}
        self._lengths: list[int] = []

    def lookup(self, address: bytes) -> P | None:
        if not self._lengths:
            return None
        number = int.from_bytes(address, "big")
        for length in self._lengths:
            peer = self._prefixes[length].get(number >> (self._bits - length))
            if peer is not None:
                return peer
        return None

    def insert(self, address: bytes, length: int, peer: P) -> None:
        if length == self._bits:
            self._hosts[address] = peer
            return
        if length not in self._prefixes:
            self._prefixes[length] = {}
            self._lengths = sorted(self._prefixes, reverse=True)
        prefix = int.from_bytes(address, "big") >> (self._bits - length)
        self._prefixes[length][prefix] = peer

    def remove(self, address: bytes, length: int, peer: P) -> None:
        """Nothing happens if the prefix has moved to another peer."""
        if length == self._bits:
            if self._hosts.get(address) is peer:
                del self._hosts[address]
            return
        prefixes = self._prefixes.get(length, {})
        prefix = int.from_bytes(address, "big") >> (self._bits - length)
        if prefixes.get(prefix) is peer:
            del prefixes[prefix]
            if not prefixes:
                del self._prefixes[length]
                self._lengths.remove(length)


class AllowedIPs(Generic[P]):
    """The table of all peers. A prefix belongs to one peer; giving it to another moves it."""

    __slots__ = ("_networks", "_v4", "_v6", "hosts")

    def __init__(self) -> None:
        # Of both families, whose addresses differ in length.
        self.hosts: dict[bytes, P] = {}
        self._v4: _Family[P] = _Family(32, self.hosts)
        self._v6: _Family[P] = _Family(128, self.hosts)
        self._networks: dict[P, tuple[IPNetwork, ...]] = {}

    def lookup(self, address: bytes) -> P | None:
        """The peer of an address of 4 or 16 bytes."""
        peer = self.hosts.get(address)
        if peer is not None:
            return peer
        return (self._v4 if len(address) == 4 else self._v6).lookup(address)

    def replace(self, peer: P, networks: Iterable[IPNetwork]) -> None:
        """Give the peer exactly these networks."""
        self.remove(peer)
        given = self._networks[peer] = tuple(networks)
        for network in given:
            self._family(network).insert(network.network_address.packed, network.prefixlen, peer)

    def remove(self, peer: P) -> None:
        """Take everything from the peer."""
        for network in self._networks.pop(peer, ()):
            self._family(network).remove(network.network_address.packed, network.prefixlen, peer)

    def _family(self, network: IPNetwork) -> _Family[P]:
        return self._v4 if network.version == 4 else self._v6
