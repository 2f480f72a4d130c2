"""The headers that segments get, against segments that are built one by one from their fields."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meshdht.engine.offload import checksum, segment_headers
from meshdht.engine.offload.headers import ACK, CWR, FIN, PSH, UDP
from tests.engine.offload.packets import Packet, segments
from tests.engine.offload.strategies import large_packets, untimed

GAP = 3


def written(packet: Packet, payload: int, head: bytes | None = None) -> list[bytes]:
    """The headers of the segments of a packet whose own are ``head``."""
    raws = segments(packet, payload)
    rows = np.full((len(raws), packet.header_size + GAP), 0xA5, np.uint8)
    segment_headers.write(
        rows[:, : packet.header_size],
        packet.partial[: packet.header_size] if head is None else head,
        packet.protocol,
        packet.transport,
        (len(raws[0]), len(raws[-1])),
        np.array([checksum.of(raw[packet.header_size :]) for raw in raws]),
    )
    assert (rows[:, -GAP:] == 0xA5).all()
    return [row[:-GAP].tobytes() for row in rows]


def expected(packet: Packet, payload: int) -> list[bytes]:
    return [raw[: packet.header_size] for raw in segments(packet, payload)]


@untimed
@given(large_packets, st.integers(1, 1500))
def test_headers_are_those_of_the_plain_way(packet: Packet, payload: int) -> None:
    assert written(packet, payload) == expected(packet, payload)


@untimed
@given(large_packets, st.integers(100, 1500), st.binary(min_size=2, max_size=2))
def test_the_checksum_of_the_large_packet_is_not_looked_at(
    packet: Packet, payload: int, field: bytes
) -> None:
    head = bytearray(packet.partial[: packet.header_size])
    at = packet.transport + packet.checksum_offset
    head[at : at + 2] = field
    assert written(packet, payload, bytes(head)) == expected(packet, payload)


def test_identifications_and_sequence_numbers_wrap_around() -> None:
    for first in (0xFFFD, 0xFFFE, 0xFFFF):
        packet = Packet(payload=bytes(3000), identification=first, sequence=0xFFFF0000 | first)
        assert written(packet, 1000) == expected(packet, 1000)
    assert written(packet, 1000)[1][4:6] == b"\0\0"


def test_flags_that_begin_and_end_are_on_one_segment_each() -> None:
    packet = Packet(payload=bytes(4000), flags=ACK | PSH | FIN | CWR)
    flags = [each[33] for each in written(packet, 1000)]
    assert flags == [ACK | CWR, ACK, ACK, ACK | PSH | FIN]


def test_a_datagram_whose_checksum_comes_out_as_nothing_says_ones() -> None:
    """0 would say that there is no checksum."""
    packet = Packet(protocol=UDP, payload=bytes(20))
    (plain,) = written(packet, 100)
    # With its own checksum as payload, everything else sums to 0xffff.
    packet = replace(packet, payload=plain[26:28] + bytes(18))
    (ones,) = written(packet, 100)
    assert ones[26:28] == b"\xff\xff"
    assert ones == packet.raw[:28]
