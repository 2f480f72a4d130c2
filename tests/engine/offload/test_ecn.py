"""What packets say of congestion, on its way through the tunnel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.engine.offload import ecn
from meshdht.engine.offload.ecn import CE, ECT_0, ECT_1, NOT_ECT
from tests.engine.offload.packets import Packet

VERSIONS = pytest.mark.parametrize("version", [4, 6])
FIELDS = (NOT_ECT, ECT_1, ECT_0, CE)


def packet(version: int, traffic_class: int) -> bytes:
    return Packet(version, payload=b"inside", traffic_class=traffic_class, flow_label=0xFFFFF).raw


@VERSIONS
def test_the_field_is_read_beside_whatever_else_the_byte_says(version: int) -> None:
    for field in FIELDS:
        assert ecn.of(packet(version, field)) == field
        assert ecn.of(memoryview(packet(version, 0xB8 | field))) == field


def test_what_is_no_ip_packet_says_nothing() -> None:
    for raw in (b"", b"\x45", b"\x45\x03" + bytes(17), b"\xff" * 40):
        assert ecn.of(raw) == NOT_ECT


def test_outside_a_mark_becomes_the_promise_to_heed_marks() -> None:
    assert [ecn.outside(field) for field in FIELDS] == [NOT_ECT, ECT_1, ECT_0, ECT_0]


@VERSIONS
@given(above=st.integers(0, 63))
def test_a_mark_is_put_on_packets_of_who_heeds_it_with_a_right_checksum(
    version: int, above: int
) -> None:
    for field in FIELDS:
        expected = CE if field != NOT_ECT else NOT_ECT
        raw = packet(version, above << 2 | field)
        assert ecn.marked(raw) == packet(version, above << 2 | expected)


@given(checksum=st.integers(0, 0xFFFF))
def test_a_wrong_checksum_stays_as_wrong(checksum: int) -> None:
    raw = bytearray(packet(4, ECT_0))
    off = (checksum - int.from_bytes(raw[10:12], "big")) % 0xFFFF
    raw[10:12] = checksum.to_bytes(2, "big")
    right = int.from_bytes(packet(4, CE)[10:12], "big")
    assert (int.from_bytes(ecn.marked(bytes(raw))[10:12], "big") - right) % 0xFFFF == off


def test_packets_in_rows_are_marked_as_each_alone() -> None:
    raws = [packet(version, field) for version in (4, 6) for field in FIELDS]
    rows = np.zeros((len(raws), 100), np.uint8)
    for row, raw in zip(rows, raws, strict=True):
        row[: len(raw)] = np.frombuffer(raw, np.uint8)
    rows.flags.writeable = False
    assert [
        row[: len(raw)].tobytes() for row, raw in zip(ecn.all_marked(rows), raws, strict=True)
    ] == [ecn.marked(raw) for raw in raws]
