"""What DNS may ask about a network, as a view of its roster.

    home.internal                       the zone
    nas.home.internal                   a device: its addresses
    wiki.home.internal                  a name that an admin added: addresses, or another name
    7.3.64.100.in-addr.arpa, ip6.arpa   a mesh address: the device that has it

The reverse zones hold the mesh's addresses and no others: they begin at whole octets, so that a
range like /18 is 64 zones of 256 addresses each, and a /28 is 16 of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from meshdht.crypto.derive import digest
from meshdht.crypto.keys import NetworkId
from meshdht.membership.names import DOMAIN
from meshdht.membership.roster import Device, Roster

IPV4_SUFFIX = "in-addr.arpa"
IPV6_SUFFIX = "ip6.arpa"


@dataclass(frozen=True, slots=True)
class Found:
    """What there is at a name of ours."""

    apex: str
    """Where its zone begins."""
    exists: bool = True
    """There is such a name, although perhaps nothing at it but names below."""
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    alias: str = ""
    """The other name that it stands for."""
    pointer: str = ""
    """What an address is called."""


def domain_of(roster: Roster) -> str:
    """``home.internal``."""
    return f"{roster.network_name}.{DOMAIN}"


def reverse_zones(roster: Roster) -> tuple[str, ...]:
    """The names under which exactly the mesh's addresses lie; 129 of them at most."""
    ipv4, whole = roster.ipv4_range, _labels_of_apex(roster.ipv4_range)
    parts = ipv4.subnets(new_prefix=8 * whole)
    reversed_parts = (".".join(reversed(str(each[0]).split(".")[:whole])) for each in parts)
    nibbles = roster.ipv6_subnet.network_address.exploded.replace(":", "")
    apex = ".".join(reversed(nibbles[: _labels_of_apex(roster.ipv6_subnet)]))
    return (*(f"{part}.{IPV4_SUFFIX}" for part in reversed_parts), f"{apex}.{IPV6_SUFFIX}")


def find(roster: Roster, name: str) -> Found | None:
    """What there is at a name, lower case and without the last dot; None if it is not ours."""
    domain = domain_of(roster)
    if name == domain:
        return Found(domain)
    if name.endswith(f".{domain}"):
        return _named(roster, name.removesuffix(f".{domain}"), domain)
    if name.endswith(f".{IPV4_SUFFIX}"):
        return _reversed(roster, name.removesuffix(f".{IPV4_SUFFIX}"), roster.ipv4_range)
    if name.endswith(f".{IPV6_SUFFIX}"):
        return _reversed(roster, name.removesuffix(f".{IPV6_SUFFIX}"), roster.ipv6_subnet)
    return None


def loopback_address(network: NetworkId) -> IPv4Address:
    """Where a network is asked on the machine itself, away from what others use of 127.0.0.0/8:
    127.64.0.1 to 127.127.255.254."""
    high, middle, low = digest("dns loopback address", network.raw, size=3)
    return IPv4Address(bytes((127, 64 + high % 64, middle, 1 + low % 254)))


def _named(roster: Roster, label: str, domain: str) -> Found:
    device = roster.named(label) if "." not in label else None
    if device is not None:
        return Found(domain, addresses=_addresses(device))
    extra = roster.extra_name(label)
    if extra is None:
        return Found(domain, exists=False)
    values = [each.value for each in extra.targets]
    addresses = tuple(each for each in values if not isinstance(each, str))
    alias = next((f"{each}.{domain}" for each in values if isinstance(each, str)), "")
    return Found(domain, addresses=addresses, alias=alias)


def _addresses(device: Device) -> tuple[IPv4Address | IPv6Address, ...]:
    return (device.ipv6,) if device.ipv4 is None else (device.ipv4, device.ipv6)


def _reversed(roster: Roster, below: str, network: IPv4Network | IPv6Network) -> Found | None:
    labels, of_apex = below.split(".")[::-1], _labels_of_apex(network)
    suffix, bits = (IPV4_SUFFIX, 8) if network.version == 4 else (IPV6_SUFFIX, 4)
    apex = _address(labels[:of_apex], network, bits) if len(labels) >= of_apex else None
    if apex is None or apex not in network:
        return None
    found = Found(f"{'.'.join(labels[of_apex - 1 :: -1])}.{suffix}")
    address, of_host = _address(labels, network, bits), network.max_prefixlen // bits
    device = roster.device(address) if address is not None and len(labels) == of_host else None
    if device is not None:
        return Found(found.apex, pointer=f"{device.name}.{domain_of(roster)}")
    # Between the apex and the addresses there are names with nothing at them.
    return Found(found.apex, exists=address is not None and len(labels) < of_host)


def _labels_of_apex(network: IPv4Network | IPv6Network) -> int:
    bits = 8 if network.version == 4 else 4
    return -(-network.prefixlen // bits)


def _address(
    labels: list[str], network: IPv4Network | IPv6Network, bits: int
) -> IPv4Address | IPv6Address | None:
    """The first address that begins with these labels; None if none does."""
    base, most = (10, 255) if bits == 8 else (16, 15)
    value = 0
    for label in labels:
        if not (label.isascii() and label.isalnum() and len(label) <= 3):
            return None
        try:
            digit = int(label, base)
        except ValueError:
            return None
        if digit > most or label != (str(digit) if base == 10 else f"{digit:x}"):
            return None
        value = value << bits | digit
    missing = network.max_prefixlen - bits * len(labels)
    if missing < 0:
        return None
    return ip_address((value << missing).to_bytes(network.max_prefixlen // 8, "big"))
