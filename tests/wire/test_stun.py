"""STUN, with the test vectors of RFC 5769 (sections 2.2 and 2.3)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.wire.classify import Traffic, classify
from meshdht.wire.stun import binding_request, read_binding_response

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)


def test_a_request_is_a_header_alone() -> None:
    request = binding_request(TRANSACTION)
    assert request.hex() == "000100002112a442b7e7a701bc34d686fa87dfae"
    assert classify(request) is Traffic.STUN


@pytest.mark.parametrize(
    ("response", "endpoint"),
    [
        (IPV4, Endpoint("192.0.2.1", 32853)),
        (IPV6, Endpoint("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ],
)
def test_the_rfcs_responses_are_read(response: bytes, endpoint: Endpoint) -> None:
    assert read_binding_response(response) == (TRANSACTION, endpoint)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (IPV4[:-1] + b"\0", "fingerprint"),
        (IPV4[:40] + b"\xff" + IPV4[41:], "family|fingerprint"),
        (IPV4[:-4], "length"),
        (b"\x01\x11" + IPV4[2:], "no STUN binding success"),
        (IPV4[:10], "header"),
        (bytes.fromhex("010100042112a442") + TRANSACTION + bytes.fromhex("00200010"), "cut off"),
        (bytes.fromhex("010100002112a442") + TRANSACTION, "without an address"),
    ],
)
def test_what_is_no_response_is_refused(broken: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        read_binding_response(broken)


@given(st.binary(max_size=200), st.integers(0, len(IPV4)))
def test_any_bytes_are_read_or_malformed(noise: bytes, at: int) -> None:
    for data in (noise, IPV4[:at] + noise, IPV4[:at] + noise + IPV4[at + len(noise) :]):
        with contextlib.suppress(Malformed):
            read_binding_response(data)
