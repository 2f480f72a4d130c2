"""What WireGuard in the kernel says of its peers, in bytes (<linux/wireguard.h>).

    WGDEVICE_A_PEERS = attribute*, each of them a peer: attribute*
    attribute        = u16 length with this head ‖ u16 type ‖ value ‖ zeros to a multiple of 4

Numbers are in the machine's byte order, but for ports. It is read several times a second while
there is traffic, so that it is not taken apart by pyroute2, which takes 0.1 ms a peer.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from meshdht.crypto.keys import PresharedKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import IPNetwork
from meshdht.limits import WIREGUARD_PEERS

# The kernel has no attribute for "none": these bytes are how it says, and is told, that.
NO_PRESHARED_KEY = PresharedKey(bytes(32))

# enum wgpeer_attribute, enum wgallowedip_attribute
_PUBLIC_KEY, _PRESHARED_KEY, _ENDPOINT, _KEEPALIVE = 1, 2, 4, 5
_HANDSHAKE, _RX_BYTES, _TX_BYTES, _ALLOWED_IPS = 6, 7, 8, 9
_IP_ADDRESS, _PREFIX_LENGTH = 2, 3

_HEAD = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_U16, _U64, _TIME = struct.Struct("=H"), struct.Struct("=Q"), struct.Struct("=qq")
_PORT = struct.Struct("!H")


@dataclass(frozen=True, slots=True)
class KernelPeer:
    """A peer as the kernel has it."""

    public_key: WireGuardPublicKey
    preshared_key: PresharedKey | None = None
    allowed_ips: tuple[IPNetwork, ...] = ()
    endpoint: Endpoint | None = None
    keepalive_s: int = 0
    handshake: float | None = None
    """Unix seconds of the last completed handshake by this machine's clock."""
    rx_bytes: int = 0
    tx_bytes: int = 0


@dataclass(frozen=True, slots=True)
class KernelDevice:
    """A WireGuard interface as the kernel has it; ``listen_port`` is 0 while it is down and has
    none."""

    listen_port: int = 0
    peers: dict[WireGuardPublicKey, KernelPeer] = field(default_factory=dict)


def peers_of(parts: Iterable[bytes]) -> dict[WireGuardPublicKey, KernelPeer]:
    """The peers from what the messages of a dump say of them: many peers, or one with many
    addresses, are continued in the next message, without the rest of what was said before."""
    peers: dict[WireGuardPublicKey, KernelPeer] = {}
    for part in parts:
        for _, said in _attributes(part):
            peer = _peer_of(dict(_attributes(said)))
            if (begun := peers.get(peer.public_key)) is not None:
                peer = _continued(begun, peer)
            peers[peer.public_key] = peer
    return peers


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start < len(data):
        length, kind = _HEAD.unpack_from(data, start)
        yield kind & _TYPE_MASK, data[start + _HEAD.size : start + length]
        start += (length + 3) & ~3


def _peer_of(said: dict[int, bytes]) -> KernelPeer:
    preshared = said.get(_PRESHARED_KEY, NO_PRESHARED_KEY.raw)
    seconds, nanoseconds = _TIME.unpack(said.get(_HANDSHAKE, bytes(_TIME.size)))
    return KernelPeer(
        public_key=WireGuardPublicKey(said[_PUBLIC_KEY]),
        preshared_key=None if preshared == NO_PRESHARED_KEY.raw else PresharedKey(preshared),
        allowed_ips=tuple(
            _network_of(dict(_attributes(each)))
            for _, each in _attributes(said.get(_ALLOWED_IPS, b""))
        ),
        endpoint=_endpoint_of(said[_ENDPOINT]) if _ENDPOINT in said else None,
        keepalive_s=_U16.unpack(said.get(_KEEPALIVE, bytes(_U16.size)))[0],
        handshake=seconds + nanoseconds / 1e9 or None,
        rx_bytes=_U64.unpack(said.get(_RX_BYTES, bytes(_U64.size)))[0],
        tx_bytes=_U64.unpack(said.get(_TX_BYTES, bytes(_U64.size)))[0],
    )


def _endpoint_of(sockaddr: bytes) -> Endpoint:
    """From struct sockaddr_in or sockaddr_in6."""
    (family,), (port,) = _U16.unpack_from(sockaddr), _PORT.unpack_from(sockaddr, 2)
    packed = sockaddr[4:8] if family == socket.AF_INET else sockaddr[8:24]
    return Endpoint(socket.inet_ntop(family, packed), port)


def _network_of(said: dict[int, bytes]) -> IPNetwork:
    return _network(said[_IP_ADDRESS], said[_PREFIX_LENGTH][0])


@lru_cache(2 * WIREGUARD_PEERS)
def _network(packed: bytes, prefix_length: int) -> IPNetwork:
    if len(packed) == 4:
        return IPv4Network((packed, prefix_length))
    return IPv6Network((packed, prefix_length))


def _continued(begun: KernelPeer, rest: KernelPeer) -> KernelPeer:
    return KernelPeer(
        begun.public_key,
        begun.preshared_key,
        begun.allowed_ips + rest.allowed_ips,
        begun.endpoint,
        begun.keepalive_s,
        begun.handshake,
        begun.rx_bytes,
        begun.tx_bytes,
    )
