"""The headers of the segments that one large packet is cut into: what cutting writes, and what
packets have that may be one again.

IPv4 identifications count up and sequence numbers advance; FIN and PSH are on the last segment
alone, CWR on the first alone; options and extension headers are on all of them. All checksums are
complete. Calls of numpy are few: each costs more than its work on a column.
"""

from __future__ import annotations

import struct

import numpy as np

from meshdht.engine.offload import checksum
from meshdht.engine.offload.checksum import MODULUS, Bytes, Integers
from meshdht.engine.offload.headers import CWR, FIN, PSH, TCP, TCP_CHECKSUM, UDP_CHECKSUM

_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
_WORDS, _LONGS = np.dtype(">u2"), np.dtype(">u4")


def write(
    rows: Bytes,
    head: bytes | bytearray | memoryview,
    protocol: int,
    transport: int,
    sizes: tuple[int, int],
    sums: Integers,
) -> None:
    """Write the headers of one segment into each of ``rows``, which are as wide as these are; the
    bytes of a row are adjacent.

    ``head``: those of the large packet, whose lengths and checksums are not looked at; TCP's or
    UDP's starts at ``transport``. ``sizes``: of the segments, IP packets, but the last, and of
    the last, which is no larger. ``sums``: of what the segments carry; overwritten.
    """
    size, last = sizes
    common = bytearray(head)
    _write_ip(rows[:, :transport], common[:transport], size, last)
    addresses = common[12:20] if common[0] >> 4 == 4 else common[8:40]
    pseudo = checksum.of_pseudo_header(addresses, protocol, size - transport)
    sums[-1] += last - size
    rest, following = rows[:, transport:], common[transport:]
    if protocol == TCP:
        _write_tcp(rest, following, size - len(common), pseudo, sums)
    else:
        _write_udp(rest, following, size - transport, last - transport, pseudo, sums)


def _write_ip(rows: Bytes, head: bytearray, size: int, last: int) -> None:
    if head[0] >> 4 == 6:
        _U16.pack_into(head, 4, size - 40)
        rows[:] = np.frombuffer(head, np.uint8)
        rows.view(_WORDS)[-1, 2] = last - 40
        return
    (first,) = _U16.unpack_from(head, 4)
    _U16.pack_into(head, 2, size)
    head[4:6] = head[10:12] = b"\0\0"
    rows[:] = np.frombuffer(head, np.uint8)
    words = rows.view(_WORDS)
    identifications = np.arange(first, first + len(rows))
    if first + len(rows) > 0x10000:
        identifications &= 0xFFFF
    words[:, 2] = identifications
    sums = -checksum.of(head) - identifications
    words[-1, 1] = last
    sums[-1] -= last - size
    sums %= MODULUS
    words[:, 5] = sums


def _write_tcp(rows: Bytes, head: bytearray, payload: int, pseudo: int, sums: Integers) -> None:
    flags = head[13]
    (first,) = _U32.unpack_from(head, 4)
    head[4:8] = bytes(4)
    head[13] = flags & ~(FIN | PSH | CWR)
    head[TCP_CHECKSUM : TCP_CHECKSUM + 2] = b"\0\0"
    rows[:] = np.frombuffer(head, np.uint8)
    end = first + len(rows) * (payload or 1)
    sequences = np.arange(first, end, payload or 1)
    if end > 0x100000000:
        sequences &= 0xFFFFFFFF
    rows[:, 4:8].view(_LONGS)[:, 0] = sequences
    sums += sequences
    for row, alone in ((0, flags & CWR), (-1, flags & (FIN | PSH))):
        if alone:
            rows[row, 13] |= alone
            sums[row] += alone
    np.subtract(-pseudo - checksum.of(head), sums, out=sums)
    sums %= MODULUS
    rows.view(_WORDS)[:, TCP_CHECKSUM // 2] = sums


def _write_udp(
    rows: Bytes, head: bytearray, size: int, last: int, pseudo: int, sums: Integers
) -> None:
    _U16.pack_into(head, 4, size)
    head[UDP_CHECKSUM : UDP_CHECKSUM + 2] = b"\0\0"
    rows[:] = np.frombuffer(head, np.uint8)
    words = rows.view(_WORDS)
    words[-1, 2] = last
    sums[-1] += last - size
    np.subtract(-pseudo - checksum.of(head), sums, out=sums)
    sums %= MODULUS
    sums[sums == 0] = MODULUS  # 0 would say that there is no checksum
    words[:, UDP_CHECKSUM // 2] = sums
