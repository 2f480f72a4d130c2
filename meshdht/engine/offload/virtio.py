"""The header that a TUN device with IFF_VNET_HDR puts before every packet (struct virtio_net_hdr).

::

    u8 flags | u8 gso_type | u16 hdr_len | u16 gso_size | u16 csum_start | u16 csum_offset

Ten bytes, in the byte order of the machine: the legacy header of a TUN is native-endian, unlike
everything else on a wire. Offsets count from the packet's first byte, without this header.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from meshdht.errors import Malformed

_LAYOUT = struct.Struct("=BBHHHH")
HEADER_SIZE = _LAYOUT.size

# flags
NEEDS_CSUM = 1  # the checksum field holds the sum of the pseudo header alone
DATA_VALID = 2  # the checksum was verified

# gso_type
GSO_NONE = 0
GSO_TCPV4 = 1
GSO_UDP = 3  # fragments of one datagram; no driver offers it any more
GSO_TCPV6 = 4
GSO_UDP_L4 = 5  # datagrams of one size
GSO_ECN = 0x80  # or-ed to one of TCP: the first segment may carry CWR


class Header(NamedTuple):
    flags: int = 0
    gso_type: int = GSO_NONE
    hdr_len: int = 0
    """Bytes of all headers, says the kernel; of a forwarded packet it may be any number."""
    gso_size: int = 0
    """Payload bytes of every segment but the last."""
    csum_start: int = 0
    csum_offset: int = 0
    """Where the checksum is, counted from ``csum_start``."""

    def pack(self) -> bytes:
        return _LAYOUT.pack(*self)

    def checksum_at(self, size: int) -> int:
        """Where a packet of ``size`` bytes has its checksum. Raises Malformed if not in it."""
        at = self.csum_start + self.csum_offset
        if self.csum_start < 20 or at + 2 > size:
            raise Malformed("a checksum outside of the packet")
        return at


# Before a packet that is complete and as it was on the wire.
PLAIN = bytes(HEADER_SIZE)


def parse(buffer: bytes | bytearray | memoryview) -> Header:
    """The header at the start of ``buffer``. Raises Malformed if that is too short."""
    if len(buffer) < HEADER_SIZE:
        raise Malformed("shorter than a virtio header")
    return Header._make(_LAYOUT.unpack_from(buffer))
