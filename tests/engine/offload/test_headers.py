"""Where the transport header of a packet is, and what is refused as no whole packet."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given

from meshdht.engine.offload.headers import transport_of
from meshdht.errors import Malformed
from tests.engine.offload.packets import ROUTING, Packet
from tests.engine.offload.strategies import large_packets, untimed

V4 = Packet(payload=b"data").raw
V6 = Packet(version=6, payload=b"data").raw


@untimed
@given(large_packets)
def test_options_and_extension_headers_are_passed_over(packet: Packet) -> None:
    assert transport_of(memoryview(packet.raw)) == (
        packet.version,
        packet.protocol,
        packet.transport,
    )


@pytest.mark.parametrize("raw", [V4, V6])
def test_a_packet_is_as_long_as_its_header_says(raw: bytes) -> None:
    for wrong in (raw[:-1], raw + b"\0", raw[:19], raw[:1], b""):
        with pytest.raises(Malformed):
            transport_of(memoryview(wrong))


@pytest.mark.parametrize("first_byte", [0x00, 0x35, 0x44, 0x40, 0x55, 0x75, 0xF5])
def test_other_versions_and_short_headers_are_refused(first_byte: int) -> None:
    with pytest.raises(Malformed):
        transport_of(memoryview(bytes([first_byte]) + V4[1:]))


@pytest.mark.parametrize("fragment", [1, 0x1FFF, 0x2000, 0x6000])
def test_a_fragment_is_refused(fragment: int) -> None:
    with pytest.raises(Malformed):
        transport_of(memoryview(Packet(fragment=fragment).raw))


def test_a_fragment_of_ipv6_has_the_protocol_of_its_header() -> None:
    fragment = V6[:6] + b"\x2c" + V6[7:]
    assert transport_of(memoryview(fragment)) == (6, 44, 40)


def test_a_routing_header_with_a_way_to_go_is_refused() -> None:
    header = bytes([0, 0, 4, 1]) + bytes(4)
    with pytest.raises(Malformed):
        transport_of(memoryview(Packet(version=6, extensions=((ROUTING, header),)).raw))


def test_extension_headers_that_go_on_beyond_the_end_are_refused() -> None:
    endless = struct.pack("!IHBB", 6 << 28, 16, 60, 64) + bytes(32) + bytes([60, 0, *bytes(6)]) * 2
    with pytest.raises(Malformed):
        transport_of(memoryview(endless))
