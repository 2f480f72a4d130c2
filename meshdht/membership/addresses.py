"""Mesh addresses.

IPv6, with no allocation and no conflict (RFC 4193 prefix, network id as its random bits):

    fd ‖ digest("ipv6 prefix", network id, size=5) ‖ 0000
    ‖ digest("ipv6 suffix", device key, size=8)

IPv4 from the network's range: the device starts at digest("ipv4", device key, size=8) mod hosts,
and takes the next free address from there, in the order of the fold.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from meshdht.crypto.derive import digest
from meshdht.crypto.keys import NetworkId, VerifyKey
from meshdht.errors import Malformed, RangeOverlap, UsageError
from meshdht.wire.buffer import Reader, Writer

PREFIX_MIN = 16
PREFIX_MAX = 28
DEFAULT_PREFIX = 18

_SHARED = IPv4Network("100.64.0.0/10")
# RFC 1918, and the shared address space of RFC 6598.
_ALLOWED = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    _SHARED,
)
_EXAMPLE = "give a range like 10.77.0.0/16 or 100.99.0.0/18"


def ipv6_subnet(network: NetworkId) -> IPv6Network:
    """The network's /64, the first of its /48."""
    prefix = b"\xfd" + digest("ipv6 prefix", network.raw, size=5)
    return IPv6Network((prefix + bytes(10), 64))


def ipv6_address(network: NetworkId, device: VerifyKey) -> IPv6Address:
    """A device's address in the network's /64."""
    suffix = digest("ipv6 suffix", device.raw, size=8)
    return IPv6Address(ipv6_subnet(network).network_address.packed[:8] + suffix)


def default_range(entropy: bytes, taken: Iterable[IPv4Network] = ()) -> IPv4Network:
    """A /18 of 100.64.0.0/10, chosen by the first byte of ``entropy``, clear of ``taken``.

    Raises RangeOverlap if this machine uses all of 100.64.0.0/10.
    """
    slices = list(_SHARED.subnets(new_prefix=DEFAULT_PREFIX))
    used = list(taken)
    for step in range(len(slices)):
        candidate = slices[(entropy[0] + step) % len(slices)]
        if not any(candidate.overlaps(other) for other in used):
            return candidate
    raise RangeOverlap(f"this machine uses all of {_SHARED} already", _EXAMPLE)


def range_fault(network: IPv4Network) -> str:
    """What keeps a range from being a mesh's; empty if nothing does."""
    if not PREFIX_MIN <= network.prefixlen <= PREFIX_MAX:
        return f"its prefix is not between /{PREFIX_MIN} and /{PREFIX_MAX}"
    if not any(network.subnet_of(allowed) for allowed in _ALLOWED):
        return "it is no private range (RFC 1918) and not in 100.64.0.0/10"
    return ""


def parse_range(text: str) -> IPv4Network:
    """A range as the user writes it; raises UsageError that says what is wrong."""
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        raise UsageError(f"{text!r} is not an IPv4 range", _EXAMPLE) from None
    if str(network) != text:
        raise UsageError(f"{text!r} is an address within a range", f"did you mean {network}?")
    fault = range_fault(network)
    if fault:
        raise UsageError(f"{text} cannot be the mesh's range: {fault}", _EXAMPLE)
    return network


def write_range(writer: Writer, network: IPv4Network) -> Writer:
    """Address 4 ‖ prefix u8."""
    return writer.raw(network.network_address.packed).u8(network.prefixlen)


def read_range(reader: Reader) -> IPv4Network:
    """What ``write_range`` wrote; raises Malformed for a range that no mesh has."""
    try:
        network = IPv4Network((IPv4Address(reader.take(4)), reader.u8()))
    except ValueError:
        raise Malformed("not an IPv4 range") from None
    if range_fault(network):
        raise Malformed("an IPv4 range that no mesh has")
    return network


def refuse_overlap(mesh: IPv4Network, local: Iterable[tuple[str, IPv4Network]]) -> None:
    """Raise RangeOverlap if a range of this machine (interface, range) overlaps the mesh's."""
    for interface, network in local:
        if network.prefixlen > 0 and mesh.overlaps(network):
            raise RangeOverlap(
                f"the mesh's range {mesh} overlaps {network} on {interface}",
                f"choose another range at `meshdht init`, or renumber {interface}; {_EXAMPLE}",
            )


class AddressTable:
    """Gives out IPv4 addresses of a range in the order of the fold."""

    def __init__(self, network: IPv4Network) -> None:
        self._first = int(network.network_address) + 1
        self._hosts = network.num_addresses - 2
        self._taken: set[int] = set()

    def take(self, device: VerifyKey) -> IPv4Address | None:
        """The device's address; None once the range is full (it still has its IPv6 address)."""
        if len(self._taken) == self._hosts:
            return None
        place = int.from_bytes(digest("ipv4", device.raw, size=8), "big") % self._hosts
        while place in self._taken:
            place = (place + 1) % self._hosts
        self._taken.add(place)
        return IPv4Address(self._first + place)
