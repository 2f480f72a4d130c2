"""A packet of up to 64 KiB, as the kernel hands it to a TUN with TSO or USO, cut to the MTU.

Two steps, since the caller owns the memory: ``plan`` tells how many segments of what size there
are, ``Plan.write`` writes them into rows. What the virtio header says is checked against the
packet, and the length of the headers is read from the packet alone.

Every segment has complete checksums, whatever the packet's own checksum field holds. IPv4
identifications count up; sequence numbers advance; FIN and PSH are on the last segment alone,
CWR on the first alone; options and extension headers are on all of them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from meshdht.engine.offload import checksum, virtio
from meshdht.engine.offload.checksum import Bytes, Integers
from meshdht.engine.offload.headers import (
    CWR,
    FIN,
    PSH,
    TCP,
    TCP_CHECKSUM,
    UDP,
    UDP_CHECKSUM,
    transport_of,
)
from meshdht.errors import Malformed

# gso_type: IP version (None: either) and protocol that it stands for.
_KINDS = {
    virtio.GSO_TCPV4: (4, TCP),
    virtio.GSO_TCPV6: (6, TCP),
    virtio.GSO_UDP_L4: (None, UDP),
}

_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")


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

    def write(self, packet: memoryview, rows: Bytes, first: int = 0) -> None:
        """Write the segments from number ``first`` on, one into each row.

        ``packet`` is the one that was planned. ``rows`` has at least ``size`` columns and the
        bytes of a row are adjacent; how far apart rows are is the caller's choice. Nothing
        beyond ``size`` is touched; the last segment is followed by zeros up to there. Raises
        ValueError if there are more rows than segments left, or too narrow ones.
        """
        width = rows.shape[1]
        number = len(rows)
        if not 0 < number <= self.count - first or width < self.size or first < 0:
            raise ValueError(f"{number} rows of {width} bytes from segment {first} of {self}")
        ends = first + number == self.count
        self._copy_payload(np.frombuffer(packet, np.uint8), rows, first, ends)
        steps = np.arange(first, first + number)
        short = self.last - self.size if ends else 0
        head = bytearray(packet[: self.header_size])
        if self.protocol == TCP:
            self._write_tcp(head, rows, steps, ends, short)
        else:
            self._write_udp(head, rows, steps, short)

    def _copy_payload(self, source: Bytes, rows: Bytes, first: int, ends: bool) -> None:
        begin, payload = self.header_size, self.size - self.header_size
        full = len(rows) - ends
        at = begin + first * payload
        until = at + full * payload
        rows[:full, begin : self.size] = source[at:until].reshape(full, payload)
        if ends:
            rows[full, begin : self.last] = source[until:]
            rows[full, self.last : self.size] = 0

    def _write_tcp(
        self, head: bytearray, rows: Bytes, steps: Integers, ends: bool, short: int
    ) -> None:
        at = self.transport
        flags = head[at + 13]
        head[at + 13] = flags & ~(FIN | PSH | CWR)
        _U16.pack_into(head, at + TCP_CHECKSUM, 0)
        (sequence,) = _U32.unpack_from(head, at + 4)
        self._write_ip(head, rows, steps, short)
        payload = self.size - self.header_size
        rows[:, at + 4 : at + 8].view(">u4")[:, 0] = (sequence + steps * payload) & 0xFFFFFFFF
        if flags & CWR and not steps[0]:
            rows[0, at + 13] |= CWR
        if ends:
            rows[-1, at + 13] |= flags & (FIN | PSH)
        _column(rows, at + TCP_CHECKSUM)[:] = self._checksums(head, rows, short)

    def _write_udp(self, head: bytearray, rows: Bytes, steps: Integers, short: int) -> None:
        at = self.transport
        _U16.pack_into(head, at + 4, self.size - at)
        _U16.pack_into(head, at + UDP_CHECKSUM, 0)
        self._write_ip(head, rows, steps, short)
        if short:
            _column(rows, at + 4)[-1] = self.last - at
        sums = self._checksums(head, rows, short)
        sums[sums == 0] = checksum.MODULUS  # 0 would say that there is no checksum
        _column(rows, at + UDP_CHECKSUM)[:] = sums

    def _write_ip(self, head: bytearray, rows: Bytes, steps: Integers, short: int) -> None:
        """All headers into all rows, and the fields of IP that differ. ``short``: how many bytes
        the last row is longer than ``size``, never a positive number."""
        if head[0] >> 4 == 6:
            _U16.pack_into(head, 4, self.size - 40)
            rows[:, : self.header_size] = np.frombuffer(head, np.uint8)
            if short:
                _column(rows, 4)[-1] = self.last - 40
            return
        (identification,) = _U16.unpack_from(head, 4)
        _U16.pack_into(head, 2, self.size)
        _U16.pack_into(head, 4, 0)
        _U16.pack_into(head, 10, 0)
        base = checksum.of(head[: self.transport])
        rows[:, : self.header_size] = np.frombuffer(head, np.uint8)
        identifications = (identification + steps) & 0xFFFF
        sums = identifications + base
        if short:
            _column(rows, 2)[-1] = self.last
            sums[-1] += short
        _column(rows, 4)[:] = identifications
        _column(rows, 10)[:] = -sums % checksum.MODULUS

    def _checksums(self, head: bytearray, rows: Bytes, short: int) -> Integers:
        """TCP's or UDP's checksum of every row, whose own field is zero as yet."""
        addresses = head[8:40] if head[0] >> 4 == 6 else head[12:20]
        size = self.size - self.transport
        pseudo = checksum.of_pseudo_header(addresses, self.protocol, size)
        sums = checksum.of_rows(rows[:, self.transport : self.size]) + pseudo
        sums[-1] += short
        return -sums % checksum.MODULUS


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
    at = header.csum_start + header.csum_offset
    if header.csum_start < 20 or at + 2 > len(packet):
        raise Malformed("a checksum outside of the packet")
    total = checksum.of(packet[header.csum_start :])
    _U16.pack_into(packet, at, checksum.field(total) or checksum.MODULUS)


def _column(rows: Bytes, at: int) -> Bytes:
    """A 16-bit field in network byte order, of all rows; assigning to it writes them."""
    return rows[:, at : at + 2].view(">u2")[:, 0]
