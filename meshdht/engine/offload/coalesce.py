"""Packets of one flow that arrived together made into one of up to 64 KiB, as GRO does it.

The kernel takes such a packet, with a virtio header that says how to cut it again, at the cost
of one small packet. What may be merged follows Linux (``tcp_gro_receive``, ``inet_gro_receive``,
``udp_gro_receive``): consecutive packets whose headers say the same but for lengths, checksums,
IPv4 identification and sequence number, with the payload of the one starting where that of the
other ends, all of one size, the last perhaps shorter. FIN and PSH end a packet; nothing with
SYN, RST, URG or CWR, with IPv4 options, extension headers or as a fragment is merged.

A merged packet's checksums are the kernel's to make, so that a wrong one would come out right:
all are verified before, and a packet with a wrong one stays alone, as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from meshdht.engine.offload import checksum, segment_headers, virtio
from meshdht.engine.offload.checksum import Bytes
from meshdht.engine.offload.headers import (
    ACK,
    ECE,
    FIN,
    PSH,
    TCP,
    TCP_CHECKSUM,
    UDP,
    UDP_CHECKSUM,
)

PACKET_MAX = 65535
"""The largest packet that ``merge`` makes, and any IP header can name."""

# As many datagrams as Linux merges (UDP_GRO_CNT_MAX); all kernels that cut UDP cut that many.
DATAGRAMS_MAX = 64

_HEADERS_MAX = 104  # IPv6 and TCP with all its options, and on to a multiple of 8
_DONT_FRAGMENT = 0x4000
_U16 = struct.Struct("!H")

# Fewer rows than this are cheaper one by one than by numpy's calls: their headers, their sums.
_HEADERS_MIN, _SUMS_MIN = 12, 4

Words = npt.NDArray[np.uint64]
Run = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the headers of one kind of packet have their fields."""

    transport: int
    size: int
    """Bytes of all headers."""
    protocol: int
    same: Words
    """Ones where the headers of a flow's packets are equal, over ``_HEADERS_MAX`` bytes."""
    same_number: int
    """The same as one number."""
    fields: struct.Struct
    """Reads the identification, and what differs in the transport header: TCP's sequence number
    and flags, UDP's length and checksum. IPv6 has no identification: two bytes that are equal
    stand for it."""

    @property
    def version(self) -> int:
        return 4 if self.transport == 20 else 6

    @property
    def addresses(self) -> slice:
        return slice(12, 20) if self.transport == 20 else slice(8, 40)


def _layout(transport: int, protocol: int, size: int) -> _Layout:
    same = bytearray(b"\xff" * size + bytes(_HEADERS_MAX - size))
    if transport == 20:
        differing = [(2, 6), (10, 12)]  # length and identification; checksum
        fields = "!4xH14x"
    else:
        differing = [(4, 6)]  # length
        fields = "!6xH32x"
    if protocol == TCP:
        differing += [(transport + 4, transport + 8), (transport + 16, transport + 18)]
        fields += "4xI5xB"  # sequence number, flags
        same[transport + 13] = 0xFF & ~(FIN | PSH)
    else:
        differing += [(transport + 4, transport + 8)]
        fields += "4xHH"  # length, checksum
    for begin, end in differing:
        same[begin:end] = bytes(end - begin)
    fields += f"{_HEADERS_MAX - struct.calcsize(fields)}x"
    words, number = np.frombuffer(same, np.uint64), int.from_bytes(same, "big")
    return _Layout(transport, size, protocol, words, number, struct.Struct(fields))


_TCP_LAYOUTS = {
    (transport, words): _layout(transport, TCP, transport + words * 4)
    for transport in (20, 40)
    for words in range(5, 16)
}
_UDP_LAYOUTS = {transport: _layout(transport, UDP, transport + 8) for transport in (20, 40)}


def runs(rows: Bytes, lengths: list[int], udp: bool) -> list[Run]:
    """Which rows may be one packet: ``(start, stop)`` of consecutive rows, over all of them.

    Row i holds an IP packet of ``lengths[i]`` bytes, which is what its header says; what follows
    is not looked at. ``udp``: whether the kernel takes UDP that is to be cut (USO).
    """
    count = len(lengths)
    if count < 2:
        return [(0, 1)] * count
    if count >= _HEADERS_MIN and _is_one_packet(rows, lengths, udp):
        return [(0, count)]
    heads = np.zeros((count, _HEADERS_MAX), np.uint8)
    width = min(rows.shape[1], _HEADERS_MAX)
    heads[:, :width] = rows[:, :width]
    found: list[Run] = []
    for start, stop, layout in _flows(heads, lengths, udp):
        if layout is None or stop - start == 1:
            found.append((start, stop))
            continue
        fields = layout.fields.iter_unpack(heads[start:stop].data)
        fixed = layout.version == 6 or bool(heads[start, 6] & _DONT_FRAGMENT >> 8)
        for begin, end in _joined(layout, fields, lengths[start:stop], fixed):
            found += _verified(rows, lengths, layout, (start + begin, start + end))
    return found


def merge(rows: Bytes, lengths: list[int], run: Run, out: memoryview) -> int:
    """Write the virtio header and the one packet that ``run`` of ``runs`` makes into ``out``,
    which has room for ``virtio.HEADER_SIZE + PACKET_MAX`` bytes. Returns how many it wrote."""
    start, stop = run
    size, last = lengths[start], lengths[stop - 1]
    head = rows[start, :_HEADERS_MAX].tobytes()
    layout = _layout_of(head, size, udp=True)
    if stop - start == 1 or layout is None:
        out[: virtio.HEADER_SIZE] = virtio.PLAIN
        out[virtio.HEADER_SIZE : virtio.HEADER_SIZE + size] = rows[start, :size].data
        return virtio.HEADER_SIZE + size
    begin, payload = layout.size, size - layout.size
    full = stop - start - 1
    until = begin + full * payload
    packet = out[virtio.HEADER_SIZE : virtio.HEADER_SIZE + until + last - begin]
    target = np.frombuffer(packet, np.uint8)
    target[begin:until].reshape(full, payload)[:] = rows[start : stop - 1, begin:size]
    target[until:] = rows[stop - 1, begin:last]
    packet[:begin] = head[:begin]
    if layout.protocol == TCP:
        packet[layout.transport + 13] |= int(rows[stop - 1, layout.transport + 13])
    out[: virtio.HEADER_SIZE] = _complete(packet, layout, len(packet), payload).pack()
    return virtio.HEADER_SIZE + len(packet)


def _complete(head: memoryview, layout: _Layout, total: int, payload: int) -> virtio.Header:
    """Lengths and checksums of a merged packet of ``total`` bytes, and its virtio header."""
    size = total - layout.transport
    if layout.version == 4:
        _U16.pack_into(head, 2, total)
        _U16.pack_into(head, 10, 0)
        _U16.pack_into(head, 10, checksum.field(checksum.of(head[:20])))
        kind = virtio.GSO_TCPV4
    else:
        _U16.pack_into(head, 4, total - 40)
        kind = virtio.GSO_TCPV6
    offset = TCP_CHECKSUM
    if layout.protocol == UDP:
        _U16.pack_into(head, layout.transport + 4, size)
        kind, offset = virtio.GSO_UDP_L4, UDP_CHECKSUM
    pseudo = checksum.of_pseudo_header(head[layout.addresses], layout.protocol, size)
    _U16.pack_into(head, layout.transport + offset, pseudo)
    return virtio.Header(virtio.NEEDS_CSUM, kind, layout.size, payload, layout.transport, offset)


def _layout_of(head: bytes, size: int, udp: bool) -> _Layout | None:
    """The layout of a packet that may be merged with others, for which it has a payload."""
    if size <= 28:
        return None
    if head[0] == 0x45:
        if _U16.unpack_from(head, 6)[0] & ~_DONT_FRAGMENT:
            return None
        transport, protocol = 20, head[9]
    elif head[0] >> 4 == 6 and size > 48:
        transport, protocol = 40, head[6]
    else:
        return None
    if protocol == TCP:
        if size <= transport + 20 or head[transport + 13] & ~(ACK | PSH | FIN | ECE):
            return None
        layout = _TCP_LAYOUTS.get((transport, head[transport + 12] >> 4))
    elif protocol == UDP and udp:
        layout = _UDP_LAYOUTS[transport]
    else:
        return None
    return layout if layout is not None and size > layout.size else None


def _flows(heads: Bytes, sizes: list[int], udp: bool) -> Iterator[tuple[int, int, _Layout | None]]:
    """Neighbours whose headers are those of one flow: ``(start, stop, layout)``, in order and
    over all rows; those with no layout come one by one."""
    count = len(sizes)
    data = heads.tobytes()
    layout = _layout_of(data[:_HEADERS_MAX], sizes[0], udp)
    if layout is not None and count >= _HEADERS_MIN:
        # The usual train is one flow, which a comparison of the whole matrix tells.
        words = heads.view(np.uint64)
        if not ((words ^ words[0]) & layout.same).any():
            yield 0, count, layout
            return
    start, first = 0, int.from_bytes(data[:_HEADERS_MAX], "big")
    for row in range(1, count):
        head = data[row * _HEADERS_MAX : (row + 1) * _HEADERS_MAX]
        if layout is None or (int.from_bytes(head, "big") ^ first) & layout.same_number:
            yield start, row, layout
            start, layout = row, _layout_of(head, sizes[row], udp)
            first = int.from_bytes(head, "big") if layout else 0
    yield start, count, layout


def _is_one_packet(rows: Bytes, lengths: list[int], udp: bool) -> bool:
    """Whether all are what one packet is cut into, checksums included: the usual train.

    Where this says no, the long way finds what there is.
    """
    count, size, last = len(lengths), lengths[0], lengths[-1]
    layout = _layout_of(rows[0, :_HEADERS_MAX].tobytes(), size, udp)
    if layout is None:
        return False
    begin, flags = layout.size, layout.transport + 13
    if (
        lengths.count(size) < count - (last < size)
        or not begin < last <= size
        or begin + (count - 1) * (size - begin) + last - begin > PACKET_MAX
        or (layout.protocol == UDP and count > DATAGRAMS_MAX)
    ):
        return False
    head = bytearray(rows[0, :begin].data)
    if layout.protocol == TCP:
        head[flags] |= int(rows[-1, flags]) & (PSH | FIN)
    payloads = checksum.of_rows(rows[:, begin:size])
    if last < size:
        payloads[-1] = checksum.of(rows[-1, begin:last].data)
    cut = np.empty((count, begin), np.uint8)
    segment_headers.write(cut, head, layout.protocol, layout.transport, (size, last), payloads)
    # Bytes are compared, since that costs a fifth of the same as an operation on numbers.
    return cut.tobytes() == rows[:, :begin].tobytes()


def _joined(
    layout: _Layout, fields: Iterator[tuple[int, ...]], sizes: list[int], fixed: bool
) -> Iterator[Run]:
    """Which of one flow's packets follow each other, as runs over all of them. ``fixed``: whether
    they may all have the same identification, which nobody reads of what is never fragmented."""
    tcp, headers, transport = layout.protocol == TCP, layout.size, layout.transport
    begin = mss = total = identification = step = sequence = 0
    open_ended = False  # whether another packet may follow the last one
    for row, (size, (number, one, two)) in enumerate(zip(sizes, fields, strict=True)):
        payload = size - headers
        advance = (number - identification) & 0xFFFF
        joins = (
            open_ended
            and 0 < payload <= mss
            and (one == sequence if tcp else one == size - transport and two != 0)
            and (advance == step or (row == begin + 1 and advance == 0 and fixed))
            and total + payload <= PACKET_MAX
            and (tcp or row - begin < DATAGRAMS_MAX)
        )
        if joins:
            total, step = total + payload, advance
            open_ended = payload == mss
        else:
            if row:
                yield begin, row
            begin, mss, total, step = row, payload, size, 1
            open_ended = payload > 0 and (tcp or (one == size - transport and two != 0))
        identification = number
        if tcp:
            sequence = (one + payload) & 0xFFFFFFFF
            open_ended = open_ended and not two & (PSH | FIN)
    yield begin, len(sizes)


def _verified(rows: Bytes, sizes: list[int], layout: _Layout, run: Run) -> list[Run]:
    """The run, cut at the packets whose checksums are wrong; each of these stays alone."""
    start, stop = run
    if stop - start == 1:
        return [run]
    # The last packet may be shorter than those that are summed together.
    alone = start if stop - start < _SUMS_MIN else stop - (sizes[stop - 1] < sizes[start])
    wrong = _wrong(rows[start:alone], sizes[start], layout, start) if start < alone else []
    wrong += (row for row in range(alone, stop) if not _intact(rows, row, sizes[row], layout))
    parts: list[Run] = []
    for row in wrong:
        parts += [(start, row)] if start < row else []
        parts.append((row, row + 1))
        start = row + 1
    return [*parts, (start, stop)] if start < stop else parts


def _intact(rows: Bytes, row: int, size: int, layout: _Layout) -> bool:
    packet = rows[row, :size].tobytes()
    transport = layout.transport
    total = checksum.of(packet[transport:]) + checksum.of_pseudo_header(
        packet[layout.addresses], layout.protocol, size - transport
    )
    whole = total % checksum.MODULUS == 0
    return whole and (layout.version == 6 or checksum.of(packet[:transport]) == 0)


def _wrong(rows: Bytes, size: int, layout: _Layout, start: int) -> list[int]:
    """The same of many packets of one flow and one size; the first row has number ``start``."""
    transport = layout.transport
    addresses = rows[0, layout.addresses].tobytes()
    pseudo = checksum.of_pseudo_header(addresses, layout.protocol, size - transport)
    wrong = (checksum.of_rows(rows[:, transport:size]) + pseudo) % checksum.MODULUS != 0
    if layout.version == 4:
        wrong |= checksum.of_rows(rows[:, :transport]) != 0
    return [start + row for row in wrong.nonzero()[0].tolist()] if wrong.any() else []
