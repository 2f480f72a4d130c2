"""The little of an IP header that cryptokey routing looks at (RFC 791, RFC 8200)."""

from __future__ import annotations

_IPV4_HEADER = 20
_IPV6_HEADER = 40


def destination(packet: bytes) -> bytes | None:
    """The destination address, 4 or 16 bytes; None if this is no IP packet."""
    size = len(packet)
    version = packet[0] >> 4 if size else 0
    if version == 4 and size >= _IPV4_HEADER:
        return packet[16:20]
    if version == 6 and size >= _IPV6_HEADER:
        return packet[24:40]
    return None


def source_and_length(packet: bytes, size: int) -> tuple[bytes | None, int]:
    """The source address and the length that the header names; (None, 0) if this is no IP packet.

    ``packet`` is ``size`` bytes long, of which the first 40 are enough. The header's length leaves
    out WireGuard's padding and may not go beyond the packet.
    """
    version = packet[0] >> 4 if size else 0
    if version == 4 and size >= _IPV4_HEADER:
        length = packet[2] << 8 | packet[3]
        if _IPV4_HEADER <= length <= size:
            return packet[12:16], length
    elif version == 6 and size >= _IPV6_HEADER:
        length = _IPV6_HEADER + (packet[4] << 8 | packet[5])
        if length <= size:
            return packet[8:24], length
    return None, 0
