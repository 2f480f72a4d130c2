"""The header before a TUN's packets."""

from __future__ import annotations

import sys

import pytest

from meshdht.engine.offload import virtio
from meshdht.errors import Malformed


def test_a_header_is_ten_bytes_in_the_order_of_the_machine() -> None:
    header = virtio.Header(virtio.NEEDS_CSUM, virtio.GSO_TCPV4, 52, 1348, 20, 16)
    fields = (52, 1348, 20, 16)
    expected = bytes([1, 1]) + b"".join(value.to_bytes(2, sys.byteorder) for value in fields)
    assert header.pack() == expected
    assert virtio.HEADER_SIZE == len(expected) == 10


def test_what_was_packed_is_parsed_from_the_start_of_a_longer_buffer() -> None:
    header = virtio.Header(virtio.DATA_VALID, virtio.GSO_UDP_L4 | virtio.GSO_ECN, 1, 2, 3, 4)
    assert virtio.parse(memoryview(header.pack() + b"packet")) == header


def test_a_header_of_zeros_is_that_of_a_packet_as_it_was_on_the_wire() -> None:
    assert virtio.Header().pack() == virtio.PLAIN
    assert virtio.parse(virtio.PLAIN).gso_type == virtio.GSO_NONE


@pytest.mark.parametrize("size", [0, 1, 9])
def test_less_than_a_header_is_malformed(size: int) -> None:
    with pytest.raises(Malformed):
        virtio.parse(bytes(size))


@pytest.mark.parametrize(("start", "offset", "size"), [(19, 6, 40), (20, 19, 40), (40, 0, 41)])
def test_a_checksum_that_is_not_in_the_packet_is_malformed(
    start: int, offset: int, size: int
) -> None:
    header = virtio.Header(virtio.NEEDS_CSUM, csum_start=start, csum_offset=offset)
    with pytest.raises(Malformed):
        header.checksum_at(size)
    inside = virtio.Header(virtio.NEEDS_CSUM, csum_start=20, csum_offset=18)
    assert inside.checksum_at(40) == 38
