from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.wire.classify import KEEPALIVE, Traffic, classify


def test_the_four_wireguard_types_are_wireguard() -> None:
    for kind in (1, 2, 3, 4):
        assert classify(bytes([kind, 0, 0, 0]) + bytes(28)) is Traffic.WIREGUARD


def test_a_type_with_reserved_bytes_set_is_not_wireguard() -> None:
    assert classify(bytes([1, 0, 0, 1]) + bytes(28)) is Traffic.CONTROL


def test_the_magic_cookie_marks_stun() -> None:
    # RFC 5769, 2.2: the head of a sample binding response.
    assert classify(bytes.fromhex("0101003c2112a442b7e7a701bc34d686fa87dfae")) is Traffic.STUN


@given(st.binary(max_size=64))
def test_any_bytes_have_an_answer(datagram: bytes) -> None:
    assert classify(datagram) in Traffic


def test_a_datagram_of_one_byte_is_a_keepalive_whatever_the_byte() -> None:
    assert {classify(bytes([byte])) for byte in range(256)} == {Traffic.KEEPALIVE}
    assert classify(KEEPALIVE) is Traffic.KEEPALIVE
    assert classify(b"") is Traffic.CONTROL
