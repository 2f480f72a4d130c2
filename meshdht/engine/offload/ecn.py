"""Explicit congestion notification through the tunnel (RFC 3168, RFC 6040).

A router that is about to be full marks packets of those who say that they heed it, instead of
dropping them. Inside the tunnel it could not: so what an inner packet says is said on the datagram
outside as well, and a mark that the datagram got is put on the packet, as WireGuard in the kernel
does both.

    field = the last two bits of IPv4's second byte, of IPv6's traffic class
"""

from __future__ import annotations

import numpy as np

from meshdht.engine.offload.checksum import Bytes

NOT_ECT, ECT_1, ECT_0, CE = range(4)

_IPV4_CHECKSUM = 10
_HEAD = 20  # of either version: all that changes


def of(head: bytes | memoryview) -> int:
    """The field of a packet that begins so; of what is no IP packet, NOT_ECT."""
    if len(head) < 20:
        return NOT_ECT
    version = head[0] >> 4
    if version == 4:
        return head[1] & 3
    return head[1] >> 4 & 3 if version == 6 else NOT_ECT


def outside(field: int) -> int:
    """Of the datagram around a packet with this field: a mark that the packet has already is not
    the tunnel's path's."""
    return ECT_0 if field == CE else field


def marked(packet: bytes) -> bytes:
    """The packet with a mark, if whoever sent it heeds marks; else as it is."""
    if of(packet) in (NOT_ECT, CE):
        return packet
    changed = bytearray(packet)
    if packet[0] >> 4 == 6:
        changed[1] |= CE << 4
        return bytes(changed)
    changed[1] |= CE
    # By RFC 1624, so that a wrong checksum stays wrong.
    at = slice(_IPV4_CHECKSUM, _IPV4_CHECKSUM + 2)
    total = (0xFFFF ^ int.from_bytes(packet[at], "big")) + changed[1] - packet[1]
    total = (total & 0xFFFF) + (total >> 16)
    changed[at] = (0xFFFF ^ total).to_bytes(2, "big")
    return bytes(changed)


def all_marked(rows: Bytes) -> Bytes:
    """The same for packets, one a row."""
    changed = rows.copy()
    for row in changed:
        row[:_HEAD] = np.frombuffer(marked(row[:_HEAD].tobytes()), np.uint8)
    return changed
