"""Trains: many transport messages under one session in one buffer, sealed and opened.

The messages of a train lie one after the other, ``stride`` bytes apart, the last may be shorter;
so the kernel's UDP segmentation takes them and its UDP aggregation hands them over::

    0         16                    16 + padded        stride
    +---------+---------------------+------------------+---------+---...
    | header  | packet and padding  | tag (16 bytes)   | header  |
    +---------+---------------------+------------------+---------+---...

What is the same for all messages is done by numpy for all at once, and the AEAD, which is all
that is left, is called from C (``aead``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed
from meshdht.wireguard.aead import Counters
from meshdht.wireguard.constants import TAG_SIZE
from meshdht.wireguard.device import Device
from meshdht.wireguard.inner import source_and_length
from meshdht.wireguard.messages import (
    OVERHEAD,
    TRANSPORT,
    TRANSPORT_HEADER_SIZE,
    TRANSPORT_SIZE_MIN,
)
from meshdht.wireguard.peer import Peer
from meshdht.wireguard.session import Session

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

_TYPE = TRANSPORT.to_bytes(4, "little")
_U64 = np.dtype("<u8")

# A forged counter near the limit of a session shall not condemn the messages beside it.
_FAR = 2**63

# Fewer datagrams than this are quicker one by one.
_WORTHWHILE = 4

# Strides whose views are kept; a stranger who sends many others costs the making of them only.
_SHAPES_KEPT = 16
# The kernel joins 64 datagrams, and cuts into no more.
_SHAPE_ROWS = 64


class Shape(NamedTuple):
    """A buffer seen as messages of one stride."""

    rows: Bytes
    """(messages, stride)."""
    heads: Counters
    """Of each message its first 8 bytes, and its counter; little-endian."""
    packets: list[memoryview]
    """Of each message what is between header and tag."""
    sealed: list[memoryview]
    """The same and the tag."""


class Train:
    """A buffer for messages, with the views that sealing and opening need."""

    def __init__(self, size: int) -> None:
        self.view = memoryview(bytearray(size))
        self._bytes: Bytes = np.frombuffer(self.view, np.uint8)
        self._shapes: dict[int, Shape] = {}

    def shape(self, stride: int, count: int) -> Shape:
        """``count`` messages or more of ``stride`` (more than OVERHEAD) bytes; they have to fit."""
        shape = self._shapes.get(stride)
        if shape is None or len(shape.rows) < count:
            if len(self._shapes) >= _SHAPES_KEPT:
                del self._shapes[next(iter(self._shapes))]
            shape = self._shapes[stride] = self._make_shape(stride, count)
        return shape

    def _make_shape(self, stride: int, count: int) -> Shape:
        count = max(count, min(_SHAPE_ROWS, len(self.view) // stride))
        starts = range(TRANSPORT_HEADER_SIZE, count * stride, stride)
        inner = stride - OVERHEAD
        rows = self._bytes[: count * stride].reshape(count, stride)
        return Shape(
            rows,
            rows[:, :TRANSPORT_HEADER_SIZE].view(_U64),
            [self.view[start : start + inner] for start in starts],
            [self.view[start : start + inner + TAG_SIZE] for start in starts],
        )

    def message(self, number: int, stride: int, size: int) -> tuple[memoryview, memoryview]:
        """Of a message of another size at this place: its packet, and that with the tag."""
        start = number * stride + TRANSPORT_HEADER_SIZE
        end = number * stride + size
        return self.view[start : end - TAG_SIZE], self.view[start:end]


def seal(train: Train, session: Session, count: int, stride: int, last: int) -> None:
    """Make transport messages of ``count`` padded packets that lie in the train. ``last`` is the
    size of the last message, ``stride`` that of the others."""
    shape = train.shape(stride, count)
    counters = np.arange(session.sent, session.sent + count, dtype=_U64)
    session.sent += count
    shape.heads[:count, 0] = int.from_bytes(session.head, "little")
    shape.heads[:count, 1] = counters
    packets = shape.packets[:count]
    whole = count
    if last != stride:
        whole -= 1
        packets[whole], _ = train.message(whole, stride, last)
    sealed = session.sealer.seal_all(counters, packets)
    width = stride - TRANSPORT_HEADER_SIZE
    alike = np.frombuffer(sealed, np.uint8, whole * width).reshape(whole, width)
    shape.rows[:whole, TRANSPORT_HEADER_SIZE:] = alike
    if whole < count:
        train.message(whole, stride, last)[1][:] = sealed[whole * width :]


class Opened(NamedTuple):
    """Inner packets of a train, each from an address of its peer's."""

    rows: Bytes
    """(packets, bytes of the longest or more)."""
    lengths: list[int]
    """Without padding."""


_NOTHING = Opened(np.zeros((0, 0), np.uint8), [])


def receive(
    device: Device, train: Train, size: int, stride: int, source: Endpoint, now: float, unix: float
) -> Opened | None:
    """Take a train of ``size`` bytes that came from ``source``.

    None, and nothing done, if its datagrams are few, or are not all transport messages of one
    session: they are to be handed to the device one by one. What the device has to say afterwards
    is polled.
    """
    count = -(-size // stride)
    last = size - (count - 1) * stride
    if count < _WORTHWHILE or last < TRANSPORT_SIZE_MIN or stride <= TRANSPORT_SIZE_MIN:
        return None
    head = bytes(train.view[:8])
    index = int.from_bytes(head[4:], "little")
    if head[:4] != _TYPE or not device.knows(index):
        return None  # before a stranger's train costs more than his datagrams
    shape = train.shape(stride, count)
    # Bytes are compared, here and below, where that says the same as an operation on numbers:
    # it costs a fifth.
    if shape.rows[:count, :8].tobytes() != count * head:
        return None
    counters = shape.heads[:count, 1]
    first = int(counters[0])
    if first >= _FAR:
        return None
    in_order = counters.tobytes() == np.arange(first, first + count, dtype=_U64).tobytes()
    highest = first + count - 1 if in_order else int(counters.max())
    if highest >= _FAR:
        return None
    found = device.receiving(index, highest, now)
    if found is None:
        return _NOTHING
    peer, session = found
    sealed = shape.sealed[:count]
    sealed[-1] = train.message(count - 1, stride, last)[1]
    inner, bad = _open(session, counters, sealed)
    if not bad and in_order and session.replay.accept_run(first, count):
        device.received(peer, session, source, size, now, unix, has_data=stride > OVERHEAD)
        usual = _from_one_address(device, peer, inner, stride - OVERHEAD, last - OVERHEAD)
        if usual is not None:
            return usual
        accepted = np.ones(count, np.bool_)
    else:
        accepted = _accepted(device, session, counters, bad)
        taken = int(np.count_nonzero(accepted))
        if not taken:
            return _NOTHING
        total = taken * stride - (stride - last if accepted[-1] else 0)
        has_data = total > taken * OVERHEAD
        device.received(peer, session, source, total, now, unix, has_data=has_data)
    sizes = [stride - OVERHEAD] * (count - 1) + [last - OVERHEAD]
    return _inner(device, peer, inner, sizes, accepted)


def _open(
    session: Session, counters: Counters, sealed: list[memoryview]
) -> tuple[Bytes, list[int]]:
    """The packets as rows; and which of them did not open, whose rows are zeros."""
    bad: list[int] = []
    try:
        packets = session.opener.open_all(counters, sealed)
    except OpenFailed:
        packets = []
        for number, (counter, each) in enumerate(zip(counters.tolist(), sealed, strict=True)):
            try:
                packets.append(session.opener.open(counter.to_bytes(8, "little"), bytes(each)))
            except OpenFailed:
                packets.append(bytes(len(each) - TAG_SIZE))
                bad.append(number)
    width = len(sealed[0]) - TAG_SIZE
    packets.append(bytes(len(sealed[0]) - len(sealed[-1])))
    return np.frombuffer(b"".join(packets), np.uint8).reshape(len(sealed), width), bad


def _accepted(device: Device, session: Session, counters: Counters, bad: list[int]) -> Flags:
    """Which messages are authentic and new, where not all are, or not in order."""
    accepted = np.ones(len(counters), np.bool_)
    accepted[bad] = False
    device.counters.bad_tag += len(bad)
    for number, counter in enumerate(counters.tolist()):
        if accepted[number] and not session.replay.accept(counter):
            accepted[number] = False
            device.counters.replayed += 1
    return accepted


def _inner(device: Device, peer: Peer, rows: Bytes, sizes: list[int], accepted: Flags) -> Opened:
    """Leave out keepalives, what is no IP packet, and what is not from the peer's addresses."""
    wanted: list[int] = []
    lengths: list[int] = []
    for number, size in enumerate(sizes):
        if not size or not accepted[number]:
            continue
        address, length = source_and_length(rows[number, : min(size, 40)].tobytes(), size)
        if address is None:
            device.counters.bad_packet += 1
        elif device.route(address) is not peer:
            device.counters.bad_source += 1
        else:
            wanted.append(number)
            lengths.append(length)
    return Opened(rows[wanted], lengths)


def _from_one_address(
    device: Device, peer: Peer, rows: Bytes, size: int, last: int
) -> Opened | None:
    """All packets, if they are alike: from one address of the peer's, and of one length but for
    the last. This is the usual case; else None, and nothing counted."""
    head = rows[0, :40].tobytes()
    address, length = source_and_length(head, size)
    if address is None or device.route(address) is not peer:
        return None
    final, final_length = source_and_length(rows[-1, :40].tobytes(), last)
    lengths_at, address_at = (2, 12) if len(address) == 4 else (4, 8)
    others = len(rows) - 1
    if (
        final != address
        or rows[:, :1].tobytes() != head[:1] * len(rows)
        or rows[:others, lengths_at : lengths_at + 2].tobytes()
        != head[lengths_at : lengths_at + 2] * others
        or rows[:others, address_at : address_at + len(address)].tobytes() != address * others
    ):
        return None
    return Opened(rows, [length] * others + [final_length])
