"""Asking a home router for a port: PCP (RFC 6887) and its forerunner NAT-PMP (RFC 6886).

Both go to UDP port 5351 of the router, and its answers come from there; the first byte, the
version, tells them apart. A router that has just started says so to everybody on the link, at
port 5350. Integers are big-endian; IPv4 addresses of PCP are IPv4-mapped IPv6 ones.

NAT-PMP, version 0:

    what is your address   0 u8 ‖ 0 u8
    its answer             0 u8 ‖ 128 u8 ‖ result u16 ‖ epoch u32 ‖ address 4
    map a port             0 u8 ‖ 1 u8 (UDP) or 2 (TCP) ‖ 0 u16 ‖ inner port u16
                           ‖ outer port wanted u16 ‖ lifetime u32
    its answer             0 u8 ‖ 129 u8 or 130 ‖ result u16 ‖ epoch u32 ‖ inner port u16
                           ‖ outer port u16 ‖ lifetime u32

PCP, version 2, the MAP opcode (1) for UDP (17) or TCP (6), and ANNOUNCE (0), which the router sends
unasked:

    request   2 u8 ‖ 1 u8 ‖ 0 u16 ‖ lifetime u32 ‖ inner address 16
              ‖ nonce 12 ‖ transport u8 ‖ 0 u24 ‖ inner port u16 ‖ outer port wanted u16
              ‖ outer address 16
    answer    2 u8 ‖ 129 u8 ‖ reserved u8 ‖ result u8 ‖ lifetime u32 ‖ epoch u32 ‖ reserved 12
              ‖ nonce 12 ‖ transport u8 ‖ reserved u24 ‖ inner port u16 ‖ outer port u16
              ‖ outer address 16
              ‖ options, 4 bytes a unit
    announce  2 u8 ‖ 128 u8 ‖ reserved u8 ‖ 0 u8 ‖ 0 u32 ‖ epoch u32 ‖ reserved 12

A lifetime is in seconds; 0 withdraws the mapping. The epoch is how long the router has had its
mappings, in seconds: a smaller one than it should be says that it has lost them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer

CONTROL_PORT = 5351
ANNOUNCE_PORT = 5350
ANNOUNCE_GROUP_IPV4 = "224.0.0.1"
ANNOUNCE_GROUP_IPV6 = "ff02::1"

NONCE_SIZE = 12
ANSWER_SIZE_MAX = 1100  # RFC 6887, section 7

SUCCESS = 0
UNSUPPORTED_VERSION = 1  # of both protocols

_PMP, _PCP = 0, 2
_ANSWER = 0x80
_OP_ADDRESS = _OP_ANNOUNCE = 0
_OP_MAP = 1
_PMP_FAILURE_SIZES = (8, 12, 16)
_UNSPECIFIED_IPV4 = IPv6Address("::ffff:0.0.0.0")


class Transport(enum.IntEnum):
    """What a port is of, by its number in the IP header."""

    TCP = 6
    UDP = 17


# NAT-PMP has a verb for each.
_PMP_MAP = {Transport.UDP: 1, Transport.TCP: 2}


@dataclass(frozen=True, slots=True)
class PmpAddress:
    """The router's outer address, by NAT-PMP."""

    epoch_s: int
    address: str


@dataclass(frozen=True, slots=True)
class PmpMapping:
    """A mapping, by NAT-PMP."""

    epoch_s: int
    transport: Transport
    inner_port: int
    outer_port: int
    lifetime_s: int


@dataclass(frozen=True, slots=True)
class PcpMapping:
    """A mapping, by PCP."""

    epoch_s: int
    nonce: bytes
    transport: Transport
    inner_port: int
    outer: Endpoint
    lifetime_s: int


@dataclass(frozen=True, slots=True)
class PcpAnnounce:
    """The router has just started, or its outer address has changed."""

    epoch_s: int


@dataclass(frozen=True, slots=True)
class PmpRefusal:
    """NAT-PMP did not do it; ``result`` is one of RFC 6886, section 3.5. A router without PCP
    answers a PCP request so, with UNSUPPORTED_VERSION."""

    epoch_s: int
    result: int


@dataclass(frozen=True, slots=True)
class PcpRefusal:
    """PCP did not do it; ``result`` is one of RFC 6887, section 7.4. ``nonce`` is the request's, or
    empty where the router did not read that far."""

    epoch_s: int
    result: int
    nonce: bytes


Answer = PmpAddress | PmpMapping | PcpMapping | PcpAnnounce | PmpRefusal | PcpRefusal


def pmp_ask_address() -> bytes:
    return bytes((_PMP, _OP_ADDRESS))


def pmp_ask_mapping(
    inner_port: int, outer_port: int, lifetime_s: int, transport: Transport = Transport.UDP
) -> bytes:
    writer = Writer().u8(_PMP).u8(_PMP_MAP[transport]).u16(0).u16(inner_port).u16(outer_port)
    return writer.u32(lifetime_s).bytes()


def pcp_ask_mapping(
    nonce: bytes,
    inner: Endpoint,
    outer: Endpoint | None,
    lifetime_s: int,
    transport: Transport = Transport.UDP,
) -> bytes:
    """``inner`` is where the request comes from, ``outer`` what is wanted, if anything is."""
    writer = Writer().u8(_PCP).u8(_OP_MAP).u16(0).u32(lifetime_s).raw(_packed(inner.host))
    writer.raw(nonce).u8(transport).raw(bytes(3)).u16(inner.port)
    if outer is None:
        any_address = IPv6Address(0) if inner.is_ipv6 else _UNSPECIFIED_IPV4
        return writer.u16(0).raw(any_address.packed).bytes()
    return writer.u16(outer.port).raw(_packed(outer.host)).bytes()


def parse_answer(data: bytes) -> Answer:
    """What the router says; raises Malformed for anything that it has no reason to send."""
    if len(data) > ANSWER_SIZE_MAX:
        raise Malformed(f"an answer of {len(data)} bytes")
    reader = Reader(data)
    version = reader.u8()
    if version == _PMP:
        return _parse_pmp(reader, len(data))
    if version == _PCP:
        return _parse_pcp(reader)
    raise Malformed(f"port control of version {version}")


def _parse_pmp(reader: Reader, size: int) -> Answer:
    operation = reader.u8()
    result, epoch_s = reader.u16(), reader.u32()
    mapped = {_ANSWER | verb: transport for transport, verb in _PMP_MAP.items()}
    if operation != _ANSWER | _OP_ADDRESS and operation not in mapped:
        raise Malformed(f"NAT-PMP operation {operation}")
    if result != SUCCESS:
        if size not in _PMP_FAILURE_SIZES:
            raise Malformed(f"a refusal of {size} bytes")
        return PmpRefusal(epoch_s, result)
    if operation == _ANSWER | _OP_ADDRESS:
        address = str(IPv4Address(reader.take(4)))
        reader.done()
        return PmpAddress(epoch_s, address)
    inner_port, outer_port, lifetime_s = reader.u16(), reader.u16(), reader.u32()
    reader.done()
    return PmpMapping(epoch_s, mapped[operation], inner_port, outer_port, lifetime_s)


def _parse_pcp(reader: Reader) -> Answer:
    operation = reader.u8()
    reader.u8()
    result, lifetime_s, epoch_s = reader.u8(), reader.u32(), reader.u32()
    reader.take(12)
    if operation == _ANSWER | _OP_ANNOUNCE and result == SUCCESS:
        return PcpAnnounce(epoch_s)
    if operation != _ANSWER | _OP_MAP:
        raise Malformed(f"PCP operation {operation}")
    if result != SUCCESS and not reader.left:
        return PcpRefusal(epoch_s, result, b"")
    nonce, protocol = reader.take(NONCE_SIZE), reader.u8()
    reader.take(3)
    inner_port, outer_port, outer_address = reader.u16(), reader.u16(), reader.take(16)
    if reader.left % 4:
        raise Malformed("options that are no multiple of four bytes")
    if result != SUCCESS:
        return PcpRefusal(epoch_s, result, nonce)
    if protocol not in set(Transport):
        raise Malformed(f"a mapping of protocol {protocol}")
    outer = _unpacked(outer_address, outer_port)
    return PcpMapping(epoch_s, nonce, Transport(protocol), inner_port, outer, lifetime_s)


def _packed(host: str) -> bytes:
    """16 bytes, whatever the family."""
    address = ip_address(host)
    return bytes(10) + b"\xff\xff" + address.packed if address.version == 4 else address.packed


def _unpacked(data: bytes, port: int) -> Endpoint:
    address = IPv6Address(data)
    return Endpoint(str(address.ipv4_mapped or address), port)
