"""PCP and NAT-PMP bytes: the layouts of the RFCs, and nothing else passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.wire.port_mapping import (
    PcpAnnounce,
    PcpMapping,
    PcpRefusal,
    PmpAddress,
    PmpMapping,
    PmpRefusal,
    Transport,
    parse_answer,
    pcp_ask_mapping,
    pmp_ask_address,
    pmp_ask_mapping,
)

NONCE = bytes(range(12))
INNER = Endpoint("192.168.1.2", 41820)
# RFC 6887, figures 3 and 10, field by field.
PCP_HEADER = "02 81 00 00 00000e10 00000064 000000000000000000000000"
PCP_MAP = f"{NONCE.hex()} 11 000000 a35c a35d 00000000000000000000ffff 19000001"
PCP_ANSWER = bytes.fromhex(PCP_HEADER + PCP_MAP)


def test_requests_are_laid_out_as_the_rfcs_have_them() -> None:
    assert pmp_ask_address().hex() == "0000"
    assert pmp_ask_mapping(41820, 41821, 3600) == bytes.fromhex("00010000 a35c a35d 00000e10")
    assert pcp_ask_mapping(NONCE, INNER, None, 3600) == bytes.fromhex(
        "02 01 0000 00000e10 00000000000000000000ffff c0a80102"
        + NONCE.hex()
        + "11 000000 a35c 0000 00000000000000000000ffff 00000000"
    )
    wanted = pcp_ask_mapping(NONCE, INNER, Endpoint("25.0.0.1", 41821), 0)
    assert wanted[4:8] == bytes(4)
    assert wanted[-18:].hex() == "a35d00000000000000000000ffff19000001"


def test_a_request_for_ipv6_asks_for_any_ipv6_address() -> None:
    request = pcp_ask_mapping(NONCE, Endpoint("2001:db8::2", 41820), None, 3600)
    assert request[8:24].hex() == "20010db8000000000000000000000002"
    assert request[-18:] == bytes(18)


def test_answers_say_what_was_mapped() -> None:
    assert parse_answer(bytes.fromhex("0080 0000 00000064 19000001")) == PmpAddress(100, "25.0.0.1")
    mapped = parse_answer(bytes.fromhex("0081 0000 00000064 a35c a35d 00000e10"))
    assert mapped == PmpMapping(100, Transport.UDP, 41820, 41821, 3600)
    outer = Endpoint("25.0.0.1", 41821)
    assert parse_answer(PCP_ANSWER) == PcpMapping(100, NONCE, Transport.UDP, 41820, outer, 3600)
    options = bytes.fromhex("03000004 00000000")
    assert parse_answer(PCP_ANSWER + options) == parse_answer(PCP_ANSWER)


def test_a_port_of_tcp_is_another_one() -> None:
    assert pmp_ask_mapping(443, 443, 3600, Transport.TCP).hex() == "0002000001bb01bb00000e10"
    asked = pcp_ask_mapping(NONCE, INNER, None, 3600, Transport.TCP)
    of_udp = pcp_ask_mapping(NONCE, INNER, None, 3600)
    assert [each for each in zip(of_udp, asked, strict=True) if each[0] != each[1]] == [(17, 6)]
    mapped = parse_answer(bytes.fromhex("0082 0000 00000064 01bb 01bc 00000e10"))
    assert mapped == PmpMapping(100, Transport.TCP, 443, 444, 3600)
    answer = parse_answer(bytes.fromhex(PCP_HEADER + PCP_MAP.replace(" 11 ", " 06 ")))
    assert isinstance(answer, PcpMapping)
    assert answer.transport is Transport.TCP


def test_answers_say_what_was_refused() -> None:
    assert parse_answer(bytes.fromhex("0081 0001 00000064")) == PmpRefusal(100, 1)
    refused = bytearray(PCP_ANSWER)
    refused[3] = 8
    assert parse_answer(bytes(refused)) == PcpRefusal(100, 8, NONCE)
    assert parse_answer(bytes(refused[:24])) == PcpRefusal(100, 8, b"")


def test_an_announcement_has_the_routers_time() -> None:
    announced = bytes.fromhex("02 80 00 00 00000000 00000005 000000000000000000000000")
    assert parse_answer(announced) == PcpAnnounce(5)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "00",
        "0001 0000 a35c a35d 00000e10",  # a request
        "0080 0000 00000064 190000",
        "0080 0000 00000064 1900000100",
        "0083 0000 00000064 a35c a35d 00000e10",
        "0081 0001 000000",
        "01 81 00 00",
        "02 82 00 00 00000e10 00000064 000000000000000000000000",
        "02 80 00 01 00000e10 00000064 000000000000000000000000",
        PCP_HEADER,
        PCP_HEADER + PCP_MAP + "00",
        PCP_HEADER + PCP_MAP.replace(" 11 ", " 84 "),  # SCTP
    ],
)
def test_what_a_router_has_no_reason_to_send_is_malformed(answer: str) -> None:
    with pytest.raises(Malformed):
        parse_answer(bytes.fromhex(answer))


def test_an_answer_of_more_than_1100_bytes_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_answer(PCP_ANSWER + bytes(1100))


@given(st.binary(max_size=1200))
def test_any_bytes_are_an_answer_or_malformed(data: bytes) -> None:
    try:
        answer = parse_answer(data)
    except Malformed:
        return
    assert answer.epoch_s < 2**32


@given(st.binary(max_size=80))
def test_whatever_follows_a_pcp_header_is_read_within_bounds(data: bytes) -> None:
    try:
        answer = parse_answer(bytes.fromhex(PCP_HEADER) + data)
    except Malformed:
        return
    assert isinstance(answer, PcpMapping)
    assert 0 <= answer.outer.port <= 65535
