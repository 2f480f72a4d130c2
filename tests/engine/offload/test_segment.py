"""Cutting large packets, against segments that are built one by one from their fields."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.engine.offload import segment, virtio
from meshdht.engine.offload.checksum import Bytes
from meshdht.engine.offload.headers import UDP
from meshdht.errors import Malformed
from tests.engine.offload.packets import Packet, segments, word_sum
from tests.engine.offload.strategies import header_of, large_packets, untimed

UNTOUCHED = 0xA5


def room(count: int, size: int, before: int = 16, after: int = 16) -> tuple[Bytes, Bytes]:
    """A matrix, and the rows in its middle that are to be written."""
    whole = np.full((count, before + size + after), UNTOUCHED, np.uint8)
    return whole, whole[:, before : before + size]


def cut(packet: Packet, gso_size: int) -> list[bytes]:
    raw = memoryview(packet.partial)
    plan = segment.plan(raw, header_of(packet, gso_size))
    _, rows = room(plan.count, plan.size)
    plan.write(raw, rows)
    sizes = [plan.size] * (plan.count - 1) + [plan.last]
    return [row[:size].tobytes() for row, size in zip(rows, sizes, strict=True)]


def is_intact(raw: bytes, packet: Packet) -> bool:
    """Both checksums of a segment, as a receiver verifies them."""
    transport = raw[packet.transport :]
    whole = word_sum(packet.pseudo_header(len(transport)) + transport) == 0xFFFF
    return whole and (packet.version == 6 or word_sum(raw[: packet.transport]) == 0xFFFF)


@untimed
@given(large_packets, st.integers(20, 1500))
def test_segments_are_those_of_the_plain_way(packet: Packet, gso_size: int) -> None:
    assert cut(packet, gso_size) == segments(packet, gso_size)


@untimed
@given(large_packets.map(lambda packet: replace(packet, payload=packet.payload[:40])))
def test_segments_of_one_byte_are_those_of_the_plain_way(packet: Packet) -> None:
    assert cut(packet, 1) == segments(packet, 1)


@untimed
@given(large_packets, st.integers(20, 65535))
def test_every_segment_has_right_checksums(packet: Packet, gso_size: int) -> None:
    assert all(is_intact(each, packet) for each in cut(packet, gso_size))


@untimed
@given(large_packets, st.integers(20, 1500), st.integers(0, 40), st.integers(0, 40))
def test_nothing_is_written_beside_the_rows(
    packet: Packet, gso_size: int, before: int, after: int
) -> None:
    raw = memoryview(packet.partial)
    plan = segment.plan(raw, header_of(packet, gso_size))
    whole, _ = room(plan.count, plan.size, before, after)
    plan.write(raw, whole[:, before:])
    assert (whole[:, :before] == UNTOUCHED).all()
    assert (whole[:, before + plan.size :] == UNTOUCHED).all()
    assert not whole[-1, before + plan.last : before + plan.size].any()


@pytest.mark.parametrize(("count", "width"), [(4, 1040), (2, 1040), (3, 1039), (0, 1040)])
def test_more_or_fewer_rows_than_segments_or_narrow_ones_are_the_callers_error(
    count: int, width: int
) -> None:
    raw = memoryview(Packet(payload=bytes(3000)).partial)
    plan = segment.plan(raw, virtio.Header(1, virtio.GSO_TCPV4, 0, 1000, 20, 16))
    _, rows = room(count, width)
    with pytest.raises(ValueError, match="rows"):
        plan.write(raw, rows)
    assert (rows == UNTOUCHED).all()


SMALL = Packet(payload=bytes(3000))
GOOD = virtio.Header(virtio.NEEDS_CSUM, virtio.GSO_TCPV4, 40, 1000, 20, 16)


@pytest.mark.parametrize(
    "header",
    [
        GOOD._replace(gso_size=0),
        GOOD._replace(gso_type=virtio.GSO_NONE),
        GOOD._replace(gso_type=virtio.GSO_UDP),
        GOOD._replace(gso_type=virtio.GSO_TCPV6),
        GOOD._replace(gso_type=virtio.GSO_UDP_L4),
        GOOD._replace(gso_type=77),
        GOOD._replace(csum_start=24),
        GOOD._replace(csum_start=60000),
    ],
)
def test_a_header_that_does_not_fit_its_packet_is_malformed(header: virtio.Header) -> None:
    raw = memoryview(SMALL.partial)
    assert segment.plan(raw, GOOD).count == 3
    with pytest.raises(Malformed):
        segment.plan(raw, header)


@pytest.mark.parametrize("offset", [0x00, 0x40, 0xF0])
def test_a_tcp_header_of_an_impossible_length_is_malformed(offset: int) -> None:
    raw = bytearray(Packet(payload=bytes(30)).partial)
    raw[32] = offset
    with pytest.raises(Malformed):
        segment.plan(memoryview(raw), GOOD)


headers = st.builds(
    virtio.Header,
    st.integers(0, 3),
    st.sampled_from([0, 1, 3, 4, 5, 0x81, 0x84]) | st.integers(0, 255),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.sampled_from([0, 20, 40]) | st.integers(0, 65535),
    st.sampled_from([6, 16]) | st.integers(0, 65535),
)


@untimed
@given(large_packets, headers, st.data())
def test_damage_is_malformed_or_cut_within_its_rows(
    packet: Packet, header: virtio.Header, data: st.DataObject
) -> None:
    raw = bytearray(packet.partial[: data.draw(st.integers(0, 200) | st.just(65535))])
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=4)
    ):
        raw[at : at + 1] = bytes([value])
    try:
        plan = segment.plan(memoryview(raw), header)
    except Malformed:
        return
    repeated = (plan.count - 1) * plan.header_size
    assert plan.size * (plan.count - 1) + plan.last == len(raw) + repeated
    whole, rows = room(plan.count, plan.size)
    plan.write(memoryview(raw), rows)
    assert (whole[:, :16] == UNTOUCHED).all()
    assert (whole[:, -16:] == UNTOUCHED).all()


@untimed
@given(large_packets)
def test_a_packet_to_be_completed_gets_the_checksum_it_has_on_the_wire(packet: Packet) -> None:
    raw = bytearray(packet.partial)
    header = header_of(packet, 0)._replace(gso_type=virtio.GSO_NONE)
    segment.complete_checksum(memoryview(raw), header)
    assert is_intact(bytes(raw), packet)
    if packet.protocol == UDP:
        assert bytes(raw) == packet.raw


def test_a_complete_packet_is_left_alone() -> None:
    raw = bytearray(SMALL.raw)
    segment.complete_checksum(memoryview(raw), virtio.Header(virtio.DATA_VALID))
    assert bytes(raw) == SMALL.raw


def test_the_checksum_of_a_datagram_is_never_written_as_none() -> None:
    packet = Packet(protocol=UDP, payload=bytes(2))
    packet = replace(packet, payload=packet.raw[26:28])
    raw = bytearray(packet.partial)
    segment.complete_checksum(memoryview(raw), header_of(packet, 0))
    assert raw[26:28] == b"\xff\xff"


@pytest.mark.parametrize(
    ("start", "offset"), [(0, 16), (19, 16), (20, 65535), (65535, 0), (3039, 0), (3038, 1)]
)
def test_a_checksum_outside_of_its_packet_is_malformed(start: int, offset: int) -> None:
    raw = bytearray(SMALL.partial)
    header = virtio.Header(virtio.NEEDS_CSUM, csum_start=start, csum_offset=offset)
    with pytest.raises(Malformed):
        segment.complete_checksum(memoryview(raw), header)
    assert bytes(raw) == SMALL.partial
