"""What segmentation and coalescing read of IP, TCP and UDP headers (RFC 791, 8200, 9293, 768)."""

from __future__ import annotations

import struct

from meshdht.errors import Malformed

TCP, UDP, ICMPV6 = 6, 17, 58
TCP_CHECKSUM, UDP_CHECKSUM = 16, 6  # from the start of their headers
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))

_HOP_BY_HOP, _ROUTING, _DESTINATION = 0, 43, 60
_FRAGMENT_BITS = 0x3FFF  # more to come, or an offset
_EXTENSIONS = frozenset({_HOP_BY_HOP, _ROUTING, _DESTINATION})
_U16 = struct.Struct("!H")


def transport_of(packet: memoryview) -> tuple[int, int, int]:
    """IP version, protocol, and where its header starts, perhaps beyond the end.

    Raises Malformed if this is not one whole IP packet, which a fragment is not either.
    """
    size = len(packet)
    version = packet[0] >> 4 if size else 0
    if version == 4 and size >= 20:
        start = (packet[0] & 15) * 4
        if start < 20 or _U16.unpack_from(packet, 2)[0] != size:
            raise Malformed("an IPv4 header that lies about sizes")
        if _U16.unpack_from(packet, 6)[0] & _FRAGMENT_BITS:
            raise Malformed("a fragment")
        return version, packet[9], start
    if version == 6 and size >= 40:
        if _U16.unpack_from(packet, 4)[0] != size - 40:
            raise Malformed("an IPv6 header that lies about its size")
        return version, *_after_extensions(packet)
    raise Malformed("not an IP packet")


def _after_extensions(packet: memoryview) -> tuple[int, int]:
    protocol, at = packet[6], 40
    while protocol in _EXTENSIONS:
        if at + 8 > len(packet):
            raise Malformed("extension headers beyond the end")
        if protocol == _ROUTING and packet[at + 3]:
            # Checksums would be over an address that is in that header.
            raise Malformed("a routing header with a way to go")
        protocol, at = packet[at], at + 8 + packet[at + 1] * 8
    return protocol, at
