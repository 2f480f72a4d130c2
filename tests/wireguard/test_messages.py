"""Golden bytes of the four messages, and their lengths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.errors import Malformed
from meshdht.wireguard.messages import CookieReply, Initiation, Response, transport_head

INITIATION = Initiation(0x01020304, b"\xaa" * 32, b"\xbb" * 48, b"\xcc" * 28)
RESPONSE = Response(0x01020304, 0x05060708, b"\xaa" * 32, b"\xbb" * 16)
COOKIE = CookieReply(0x01020304, b"\xaa" * 24, b"\xbb" * 32)


def test_an_initiation_has_the_bytes_of_the_paper() -> None:
    expected = "01000000" + "04030201" + "aa" * 32 + "bb" * 48 + "cc" * 28
    assert INITIATION.encode().hex() == expected
    assert Initiation.decode(INITIATION.encode() + bytes(32)) == INITIATION


def test_a_response_has_the_bytes_of_the_paper() -> None:
    expected = "02000000" + "04030201" + "08070605" + "aa" * 32 + "bb" * 16
    assert RESPONSE.encode().hex() == expected
    assert Response.decode(RESPONSE.encode() + bytes(32)) == RESPONSE


def test_a_cookie_reply_has_the_bytes_of_the_paper() -> None:
    assert COOKIE.encode().hex() == "03000000" + "04030201" + "aa" * 24 + "bb" * 32
    assert CookieReply.decode(COOKIE.encode()) == COOKIE


def test_a_transport_message_begins_with_type_and_receiver() -> None:
    assert transport_head(0x01020304).hex() == "0400000004030201"


@given(st.binary(max_size=200))
def test_no_bytes_make_a_decoder_fail_otherwise_than_malformed(data: bytes) -> None:
    for kind in (Initiation, Response, CookieReply):
        with pytest.raises(Malformed):
            kind.decode(data)


def test_a_nonzero_reserved_byte_is_malformed() -> None:
    with pytest.raises(Malformed):
        CookieReply.decode(b"\x03\x00\x01\x00" + bytes(60))
