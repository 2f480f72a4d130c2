"""TCP's maximum segment size, made to fit the tunnel in packets on their way through it.

Each end of a connection tells the other in its SYN how large a segment it takes (RFC 9293, section
3.7.1). Ends that do not know of the tunnel, hosts behind a device that forwards for them, offer
what fits their own link; and where ICMP is lost they would never hear that less passes.

    SYN = … ‖ offset and flags (2) ‖ window ‖ checksum (2) ‖ urgent ‖ options
    option = kind (1) ‖ size (1) ‖ value; kinds 0 (the end) and 1 (padding) are one byte
"""

from __future__ import annotations

from typing import Literal

from meshdht.engine.offload.headers import SYN, TCP, TCP_CHECKSUM, UDP, transport_of
from meshdht.errors import Malformed

_HEADER = 20  # TCP's without options
_FLAGS = 13
_END, _PADDING, _MSS, _MSS_SIZE = 0, 1, 2, 4
# What a segment leaves for headers: IP without options, and TCP without (RFC 6691).
_HEADERS = {4: 40, 6: 60}


def clamped(packet: bytes, mtu: int) -> bytes:
    """The packet; or if it is a SYN that offers more than fits into ``mtu``, one that does not.

    What is no whole TCP header, or has options that lie, is left as it is.
    """
    if not _may_be_syn(packet):
        return packet
    try:
        version, protocol, start = transport_of(memoryview(packet))
    except Malformed:
        return packet
    if protocol != TCP or start + _HEADER > len(packet) or not packet[start + _FLAGS] & SYN:
        return packet
    at = _find(packet, start)
    limit = mtu - _HEADERS[version]
    if at is None or int.from_bytes(packet[at : at + 2], "big") <= limit:
        return packet
    return _with_mss(packet, start, at, limit)


def _may_be_syn(packet: bytes) -> bool:
    """A cheap look: of all packets next to none is one."""
    if len(packet) < 40:
        return False
    if packet[0] == 0x45:
        return packet[9] == TCP and bool(packet[20 + _FLAGS] & SYN)
    if packet[0] >> 4 == 6 and packet[6] in (TCP, UDP):
        return packet[6] == TCP and len(packet) >= 60 and bool(packet[40 + _FLAGS] & SYN)
    return True


def _find(packet: bytes, start: int) -> int | None:
    """Where the value is."""
    at, end = start + _HEADER, start + (packet[start + 12] >> 4) * 4
    if end > len(packet):
        return None
    while at + 1 < end and packet[at] != _END:
        if packet[at] == _PADDING:
            at += 1
            continue
        size = packet[at + 1]
        if size < 2 or at + size > end:
            return None
        if packet[at] == _MSS:
            return at + 2 if size == _MSS_SIZE else None
        at += size
    return None


def _with_mss(packet: bytes, start: int, at: int, mss: int) -> bytes:
    """The checksum follows by RFC 1624, so that a wrong one stays wrong."""
    changed = bytearray(packet)
    changed[at : at + 2] = mss.to_bytes(2, "big")
    # At an odd place the two bytes belong to two words, each in the other's half.
    order: Literal["little", "big"] = "little" if (at - start) % 2 else "big"
    before = int.from_bytes(packet[at : at + 2], order)
    after = int.from_bytes(changed[at : at + 2], order)
    where = start + TCP_CHECKSUM
    total = (0xFFFF ^ int.from_bytes(packet[where : where + 2], "big")) + (0xFFFF ^ before) + after
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    changed[where : where + 2] = (0xFFFF ^ total).to_bytes(2, "big")
    return bytes(changed)
