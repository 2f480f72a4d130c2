"""Small packets that a TUN hands over one after the other, made ready together.

Who sends datagrams without the kernel's help, and a connection that acknowledges, hands over many
in a row that differ little: they go to one address and have one size. Looked at one by one each
costs some microseconds; here numpy does for all what is the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meshdht.engine.offload import checksum, virtio
from meshdht.engine.offload.checksum import Bytes
from meshdht.engine.offload.headers import ICMPV6, SYN, TCP, UDP
from meshdht.errors import Malformed

HEAD_SIZE = virtio.HEADER_SIZE + 2
"""Bytes at the start of a frame that are the same of all: the virtio header, and of IP's header
its version, its length, and the class of traffic with ECN's field."""

# Of either version without options and extensions: the next protocol, the destination, TCP's flags,
# and what is the least with UDP's header.
_IPV4 = (9, slice(16, 20), 33, 28)
_IPV6 = (6, slice(24, 40), 53, 48)


@dataclass(frozen=True, slots=True)
class Alike:
    """Packets of one size to one address. Of a mark, a size and a destination, what holds for one
    of them holds for all."""

    packets: Bytes
    """(packets, size); checksums are still as the kernel left them."""
    header: virtio.Header

    @property
    def head(self) -> bytes:
        """The start of the first: of its addresses and its mark."""
        return self.packets[0, :40].tobytes()

    def write(self, rows: Bytes) -> None:
        """Write the packets, with their checksums, one into each row; what a row has beyond is
        not touched."""
        size = self.packets.shape[1]
        rows[:, :size] = self.packets
        if self.header.flags & virtio.NEEDS_CSUM:
            sums = checksum.of_rows(rows[:, self.header.csum_start : size])
            # As the kernel writes it (see ``segment.complete_checksum``).
            fields = checksum.MODULUS - sums
            at = self.header.checksum_at(size)
            rows[:, at] = fields >> 8
            rows[:, at + 1] = fields & 0xFF


def alike(frames: Sequence[bytes | bytearray]) -> Alike | None:
    """What several frames hold that have one size and the same first ``HEAD_SIZE`` bytes. None if
    they are to be looked at one by one: not all go to one address, a packet may have to be changed
    (a SYN) or is to be cut, or a header says what cannot be."""
    packets = np.frombuffer(b"".join(frames), np.uint8)
    packets = packets.reshape(len(frames), len(frames[0]))[:, virtio.HEADER_SIZE :]
    if not _go_together(packets):
        return None
    header = virtio.parse(frames[0])
    if header.gso_type != virtio.GSO_NONE:
        return None
    if header.flags & virtio.NEEDS_CSUM:
        try:
            header.checksum_at(packets.shape[1])
        except Malformed:
            return None
    return Alike(packets, header)


def _go_together(packets: Bytes) -> bool:
    count, size = packets.shape
    first = packets[0].tobytes()
    if first[:1] == b"\x45":
        protocol_at, destination, flags_at, least = _IPV4
    elif size >= 48 and first[0] >> 4 == 6 and first[6] in (TCP, UDP, ICMPV6):
        protocol_at, destination, flags_at, least = _IPV6
    else:
        return False
    if size < least:
        return False
    protocol = first[protocol_at : protocol_at + 1]
    if (
        packets[:, protocol_at].tobytes() != protocol * count
        or packets[:, destination].tobytes() != first[destination] * count
    ):
        return False
    return protocol[0] != TCP or (size > flags_at and not (packets[:, flags_at] & SYN).any())
