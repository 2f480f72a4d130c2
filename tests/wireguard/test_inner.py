from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from meshdht.wireguard.inner import destination, source_and_length
from tests.wireguard.network import ip_packet

V4 = ip_packet("10.0.0.1", "10.0.0.2", b"four")
V6 = ip_packet("fd00::1", "fd00::2", b"six")


def _read(packet: bytes) -> tuple[bytes | None, int]:
    return source_and_length(packet, len(packet))


def test_addresses_of_both_families_are_found() -> None:
    assert destination(V4) == ip_address("10.0.0.2").packed
    assert destination(V6) == ip_address("fd00::2").packed
    assert _read(V4) == (ip_address("10.0.0.1").packed, len(V4))
    assert _read(V6) == (ip_address("fd00::1").packed, len(V6))


def test_padding_is_not_part_of_the_packet() -> None:
    assert _read(V4 + bytes(9))[1] == len(V4)
    assert _read(V6 + bytes(9))[1] == len(V6)


def test_a_header_that_names_more_than_there_is_is_no_packet() -> None:
    assert _read(V4[:-1]) == (None, 0)
    assert _read(V6[:-1]) == (None, 0)


def test_an_ipv4_length_shorter_than_the_header_is_no_packet() -> None:
    assert _read(V4[:2] + b"\x00\x13" + V4[4:]) == (None, 0)


@given(st.binary(max_size=60))
def test_any_bytes_are_judged_without_failing(data: bytes) -> None:
    address, length = _read(data)
    assert (address is None) == (length == 0)
    assert length <= len(data)
    assert destination(data) is None or len(data) >= 20
