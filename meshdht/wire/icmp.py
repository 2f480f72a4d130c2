"""What a machine on the way says of a datagram that it could not deliver (RFC 792, RFC 4443).

    ICMP    3 u8 ‖ code u8 ‖ 6 bytes ‖ the datagram's IPv4 header and its first 8 bytes
    ICMPv6  1 u8 ‖ code u8 ‖ 6 bytes ‖ the datagram's IPv6 header and what follows

Nobody vouches for it: it is good for words, and for nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader

UNREACHABLE, UNREACHABLE_IPV6 = 3, 1
_UDP = 17
_HEADER_REST = 6
_IPV6_BEFORE_NEXT = 6
_FORBIDDEN = "forbidden by a firewall or a router"
_WORDS = {
    0: "no route to its network",
    1: "host unreachable",
    3: "nothing listens at this port",
    6: "no route to its network",
    7: "host unreachable",
    9: _FORBIDDEN,
    10: _FORBIDDEN,
    13: _FORBIDDEN,
}
_WORDS_IPV6 = {
    0: "no route to its network",
    1: _FORBIDDEN,
    3: "host unreachable",
    4: "nothing listens at this port",
    5: _FORBIDDEN,
    6: _FORBIDDEN,
}


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A datagram from our ``port`` did not reach ``to``: why, in words."""

    port: int
    to: Endpoint
    why: str


def parse_unreachable(message: bytes, *, is_ipv6: bool) -> Undelivered:
    """``message`` begins at the ICMP header; raises Malformed for all that is not of UDP."""
    reader = Reader(message)
    kind, code = reader.u8(), reader.u8()
    reader.take(_HEADER_REST)
    if kind != (UNREACHABLE_IPV6 if is_ipv6 else UNREACHABLE):
        raise Malformed(f"ICMP of type {kind}")
    host = _destination_ipv6(reader) if is_ipv6 else _destination(reader)
    port, to_port = reader.u16(), reader.u16()
    words = (_WORDS_IPV6 if is_ipv6 else _WORDS).get(code, f"unreachable (code {code})")
    return Undelivered(port, Endpoint(host, to_port), words)


def _destination(reader: Reader) -> str:
    size = 4 * (reader.u8() & 15)
    reader.take(8)
    protocol = reader.u8()
    reader.take(6)
    host = str(IPv4Address(reader.take(4)))
    if protocol != _UDP or size < 20:
        raise Malformed("ICMP of something else than UDP")
    reader.take(size - 20)
    return host


def _destination_ipv6(reader: Reader) -> str:
    reader.take(_IPV6_BEFORE_NEXT)
    protocol = reader.u8()
    reader.take(17)
    host = str(IPv6Address(reader.take(16)))
    if protocol != _UDP:
        raise Malformed("ICMP of something else than UDP")
    return host
