"""A packet of up to 64 KiB, as the kernel hands it to a TUN with TSO or USO, cut to the MTU.

Two steps, since the caller owns the memory: ``plan`` tells how many segments of what size there
are, ``Plan.write`` writes them into rows. What the virtio header says is checked against the
packet, and the length of the headers is read from the packet alone.

``segment_headers`` tells what is in the headers, whatever the packet's own checksum field holds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from meshdht.engine.offload import checksum, segment_headers, virtio
from meshdht.engine.offload.checksum import Bytes
from meshdht.engine.offload.headers import TCP, UDP, transport_of
from meshdht.errors import Malformed

# gso_type: IP version (None: either) and protocol that it stands for.
_KINDS = {
    virtio.GSO_TCPV4: (4, TCP),
    virtio.GSO_TCPV6: (6, TCP),
    virtio.GSO_UDP_L4: (None, UDP),
}

_U16 = struct.Struct("!H")


@dataclass(slots=True)
class Plan:
    """How a packet will be cut. Sizes are of whole IP packets, in bytes."""

    count: int
    """Segments, at least one."""
    size: int
    """Each but the last."""
    last: int
    """The last; at most ``size``."""
    header_size: int
    """The part that every segment repeats: IP with options or extensions, TCP or UDP."""
    protocol: int
    transport: int
    """Where the TCP or UDP header starts."""

    def write(self, packet: memoryview, rows: Bytes) -> None:
        """Write the segments, one into each row.

        ``packet`` is the one that was planned. There is a row for every segment, of at least
        ``size`` columns; the bytes of a row are adjacent, how far apart rows are is the caller's
        choice. Nothing beyond ``size`` is touched; the last segment is followed by zeros up to
        there. Raises ValueError if there are more or fewer rows, or too narrow ones.
        """
        if len(rows) != self.count or rows.shape[1] < self.size:
            raise ValueError(f"rows of the shape {rows.shape} for {self}")
        begin, size = self.header_size, self.size
        source = np.frombuffer(packet, np.uint8)
        until = begin + (self.count - 1) * (size - begin)
        rows[:-1, begin:size] = source[begin:until].reshape(self.count - 1, size - begin)
        rows[-1, begin : self.last] = source[until:]
        rows[-1, self.last : size] = 0
        segment_headers.write(
            rows[:, :begin],
            packet[:begin],
            self.protocol,
            self.transport,
            (size, self.last),
            checksum.of_rows(rows[:, begin:size]),
        )


def plan(packet: memoryview, header: virtio.Header) -> Plan:
    """How to cut ``packet``, of which ``header`` gives a gso_type. Raises Malformed if the two
    do not fit each other, or if the packet is not the one whole IP packet it says to be."""
    version, protocol, transport = transport_of(packet)
    kind = _KINDS.get(header.gso_type & ~virtio.GSO_ECN)
    if kind is None or kind[1] != protocol or (kind[0] or version) != version:
        raise Malformed("not a packet of its gso_type")
    if not header.gso_size:
        raise Malformed("segments of no size")
    if header.flags & virtio.NEEDS_CSUM and header.csum_start != transport:
        raise Malformed("a checksum that starts elsewhere than its header")
    total = len(packet)
    if protocol == UDP:
        header_size = transport + 8
    elif total < transport + 20:
        raise Malformed("no whole TCP header")
    else:
        header_size = transport + (packet[transport + 12] >> 4) * 4
        if header_size < transport + 20:
            raise Malformed("a TCP header shorter than any")
    if total < header_size:
        raise Malformed("shorter than its headers")
    payload = total - header_size
    segment = min(header.gso_size, payload)
    count = -(-payload // segment) if payload else 1
    last = total - (count - 1) * segment
    return Plan(count, header_size + segment, last, header_size, protocol, transport)


def complete_checksum(packet: memoryview, header: virtio.Header) -> None:
    """Fill in the checksum of a packet that needs no cutting, if the kernel left that open.

    Its field holds the sum of the pseudo header, so that any protocol is served. As in the
    kernel, 0 is written as 0xffff, which UDP demands and others take as the same. Raises
    Malformed if the field is not in the packet.
    """
    if not header.flags & virtio.NEEDS_CSUM:
        return
    at = header.checksum_at(len(packet))
    total = checksum.of(packet[header.csum_start :])
    _U16.pack_into(packet, at, checksum.field(total) or checksum.MODULUS)
