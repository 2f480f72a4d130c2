"""Address prefixes: what one household or one attacker is likely to own."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from meshdht.limits import DHT_WIRE_CONTACTS

# Whoever has such an address is on our own network: its devices are one household, and an
# attacker from outside cannot answer from there (RFC 1918, 4193, loopback, link-local).
_HOUSEHOLD = tuple(
    ipaddress.ip_network(each)
    for each in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


@lru_cache(DHT_WIRE_CONTACTS)
def prefix_of(host: str) -> str:
    """The /24 or /48 of an address."""
    length = 48 if ":" in host else 24
    return str(ipaddress.ip_network(f"{host}/{length}", strict=False))


@lru_cache(DHT_WIRE_CONTACTS)
def is_household(host: str) -> bool:
    """Whether the address is a private, loopback or link-local one."""
    address = ipaddress.ip_address(host)
    return any(address in network for network in _HOUSEHOLD if network.version == address.version)
