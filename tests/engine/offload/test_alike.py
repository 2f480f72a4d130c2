"""Small packets that are made ready together, against what each of them alone becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.engine.offload import segment, virtio
from meshdht.engine.offload.alike import alike
from meshdht.engine.offload.headers import ACK, SYN, TCP, UDP
from meshdht.engine.offload.virtio import GSO_UDP_L4, NEEDS_CSUM, PLAIN, Header
from tests.engine.offload.packets import HOP_BY_HOP, Packet
from tests.engine.offload.strategies import flows, payloads, u16, u32, untimed, whole_header_of

UNTOUCHED = 0xA5


def left_to_us(packet: Packet) -> bytes:
    """The frame of a packet whose checksum the kernel leaves open."""
    return whole_header_of(packet).pack() + packet.partial


def complete(packet: Packet) -> bytes:
    return PLAIN + packet.raw


def written(frames: list[bytes]) -> list[bytes]:
    """What all of them become together; what is beyond them must be left alone."""
    found = alike(frames)
    assert found is not None
    size = len(frames[0]) - virtio.HEADER_SIZE
    rows = np.full((len(frames), size + 5), UNTOUCHED, np.uint8)
    found.write(rows)
    assert (rows[:, size:] == UNTOUCHED).all()
    assert found.head == frames[0][virtio.HEADER_SIZE :][:40]
    return [row[:size].tobytes() for row in rows]


def alone(frame: bytes) -> bytes:
    """What a frame becomes that is looked at by itself."""
    packet = memoryview(bytearray(frame))[virtio.HEADER_SIZE :]
    segment.complete_checksum(packet, virtio.parse(frame))
    return bytes(packet)


@untimed
@given(
    flows,
    st.lists(st.tuples(payloads(4, 40), u32, u16), min_size=1, max_size=9),
    st.integers(4, 40),
    st.sampled_from([left_to_us, complete]),
)
def test_each_packet_becomes_what_it_was_to_be(
    flow: Packet,
    each: list[tuple[bytes, int, int]],
    size: int,
    frame: Callable[[Packet], bytes],
) -> None:
    packets = [
        replace(flow, payload=(payload * 10)[:size], sequence=sequence, identification=number)
        for payload, sequence, number in each
    ]
    assert written([frame(each) for each in packets]) == [each.raw for each in packets]


@untimed
@given(
    st.integers(20, 60),
    st.integers(0, 60),
    st.lists(st.binary(min_size=60, max_size=60), min_size=2, max_size=5),
)
def test_wherever_the_checksum_is_it_is_as_alone(
    start: int, offset: int, rest: list[bytes]
) -> None:
    head = Header(NEEDS_CSUM, 0, 0, 0, start, offset).pack() + Packet(protocol=UDP).raw[:20]
    frames = [head + each for each in rest]
    found = alike(frames)
    if start + offset + 2 > 80:
        assert found is None
    elif start >= 20:
        assert written(frames) == [alone(each) for each in frames]


FIRST = Packet(protocol=UDP, payload=bytes(20))
TCP_FIRST = Packet(payload=bytes(20))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    ("first", "other"),
    [
        (FIRST, replace(FIRST, target=bytes([10, 0, 0, 3]))),
        (FIRST, replace(FIRST, protocol=TCP, payload=bytes(8))),
        (TCP_FIRST, replace(TCP_FIRST, flags=SYN | ACK)),
    ],
)
def test_what_differs_in_more_is_looked_at_one_by_one(
    version: int, first: Packet, other: Packet
) -> None:
    first, other = replace(first, version=version), replace(other, version=version)
    assert len(first.raw) == len(other.raw)
    assert alike([complete(first)] * 5) is not None
    assert alike([complete(first)] * 4 + [complete(other)]) is None


@pytest.mark.parametrize(
    "frame",
    [
        complete(replace(FIRST, ip_options=bytes(4))),
        complete(replace(FIRST, version=6, extensions=((HOP_BY_HOP, bytes(8)),))),
        Header(NEEDS_CSUM, GSO_UDP_L4, 28, 10, 20, 6).pack() + FIRST.partial,
        Header(NEEDS_CSUM, 0, 0, 0, 19, 6).pack() + FIRST.partial,
        PLAIN + Packet(payload=b"").raw[:33],
        PLAIN + FIRST.raw[:27],
        PLAIN + replace(FIRST, version=6).raw[:47],
        PLAIN + bytes(40),
        PLAIN,
        PLAIN[:3],
        b"",
    ],
)
def test_what_is_unusual_is_looked_at_one_by_one(frame: bytes) -> None:
    assert alike([frame] * 6) is None
