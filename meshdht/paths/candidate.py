"""What a path can be, and which endpoints are worth probing at all."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from meshdht.endpoint import Endpoint
from meshdht.limits import ADDRESSES_REMEMBERED

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class PathKind(enum.StrEnum):
    """How traffic to a peer flows."""

    LAN = "lan"
    DIRECT = "direct"
    RELAY = "relay"
    NONE = "none"


@lru_cache(maxsize=ADDRESSES_REMEMBERED)
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Each packet asks for its source again; reading the text costs as much as opening it."""
    return ipaddress.ip_address(host)


def path_kind(endpoint: Endpoint, local_networks: Sequence[Network]) -> PathKind:
    """LAN if the endpoint is on a network of one of our interfaces, else DIRECT."""
    return PathKind.LAN if within(endpoint, local_networks) else PathKind.DIRECT


def within(endpoint: Endpoint, networks: Sequence[Network]) -> bool:
    address = _address(endpoint.host)
    return any(address in network for network in networks)


# Behind a provider's NAT (RFC 6598).
_SHARED = ipaddress.ip_network("100.64.0.0/10")


def is_shared(endpoint: Endpoint) -> bool:
    """Whether it has an address that only a provider's own network can send to."""
    return within(endpoint, (_SHARED,))


def is_probeable(endpoint: Endpoint, mesh_networks: Sequence[Network]) -> bool:
    """Whether an endpoint may be probed.

    Not: the mesh's own addresses (a tunnel inside itself), nor addresses that name no single
    host on a network: loopback, multicast, unspecified, IPv6 link-local (it needs a zone).
    """
    address = _address(endpoint.host)
    if endpoint.port == 0 or address.is_multicast or address.is_unspecified:
        return False
    if address.is_loopback or address.is_link_local:
        return False
    return not within(endpoint, mesh_networks)
