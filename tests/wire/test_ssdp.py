"""SSDP: the search, and answers that count only for the gateway itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.errors import Malformed
from meshdht.wire.ssdp import (
    GONE,
    GROUP_IPV6,
    SEARCH_TARGETS,
    Presence,
    is_at,
    notice_group,
    parse_answer,
    parse_notice,
    search,
)

GATEWAY = "192.168.1.1"
ANSWER = (
    "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: {target}\r\n"
    "USN: uuid:1::{target}\r\nEXT:\r\nLocation: {location}\r\n\r\n"
)
LOCATION = "http://192.168.1.1:5000/rootDesc.xml"


def answer(target: str = SEARCH_TARGETS[0], location: str = LOCATION) -> bytes:
    return ANSWER.format(target=target, location=location).encode()


def test_a_search_is_a_request_without_a_body() -> None:
    assert search(SEARCH_TARGETS[1], "239.255.255.250") == (
        b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\n'
        b"MX: 1\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n"
    )


@pytest.mark.parametrize("target", SEARCH_TARGETS)
def test_the_gateways_answer_says_where_its_description_is(target: str) -> None:
    assert parse_answer(answer(target), GATEWAY) == Presence(LOCATION)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "http://192.168.1.9:5000/rootDesc.xml",
        "http://router.example/rootDesc.xml",
        "https://192.168.1.1/rootDesc.xml",
        "file:///etc/passwd",
        "http://user:secret@192.168.1.1/rootDesc.xml",
        "http://192.168.1.1:99999/",
        "http://[::1/",
        LOCATION + "x" * 600,
    ],
)
def test_a_description_elsewhere_is_refused(location: str) -> None:
    with pytest.raises(Malformed):
        parse_answer(answer(location=location), GATEWAY)


def test_a_router_of_ipv6_is_asked_under_the_address_that_we_know() -> None:
    gateway = "fe80::1"
    for told, found in (
        ("http://[2001:db8:1::1]:5000/d.xml?x", "http://[fe80::1]:5000/d.xml?x"),
        ("http://[fe80::1%25eth0]/d.xml", "http://[fe80::1]/d.xml"),
    ):
        assert parse_answer(answer(location=told), gateway).location == found
    for told in (
        "https://[fe80::1]/",
        "http://a:b@[fe80::1]/",
        "http://[fe80::1]:0/",
        "",
        "http://[",
    ):
        with pytest.raises(Malformed):
            parse_answer(answer(location=told), gateway)
    assert b"\r\nHOST: [ff02::c]:1900\r\n" in search(SEARCH_TARGETS[0], GROUP_IPV6)


def notice(kind: str, location: str = LOCATION, boot: str = "BOOTID.UPNP.ORG: 7\r\n") -> bytes:
    return (
        f"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNTS: {kind}\r\n"
        f"LOCATION: {location}\r\n{boot}NT: upnp:rootdevice\r\n\r\n"
    ).encode()


def test_a_notice_says_which_start_of_the_router_this_is() -> None:
    assert parse_notice(notice("ssdp:alive"), GATEWAY) == Presence(LOCATION, "7")
    assert parse_notice(notice("ssdp:alive", boot=""), GATEWAY) == Presence(LOCATION)
    assert parse_notice(notice("ssdp:byebye"), GATEWAY) == GONE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        answer(),
        search(SEARCH_TARGETS[0], "239.255.255.250"),
        notice("ssdp:update"),
        notice("ssdp:alive", "http://192.168.1.9/"),
        notice("ssdp:alive") + b"x" * 2048,
    ],
)
def test_what_is_no_notice_of_the_gateway_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_notice(data, GATEWAY)


def test_what_answers_no_search_of_ours_is_refused() -> None:
    for data in (b"", b"NOTIFY * HTTP/1.1\r\n\r\n", answer("ssdp:all"), answer() + b"\xff"):
        with pytest.raises(Malformed):
            parse_answer(data, GATEWAY)
    with pytest.raises(Malformed):
        parse_answer(answer() + b"x" * 2048, GATEWAY)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_answer(data, GATEWAY)
    with pytest.raises(Malformed):
        parse_notice(data, GATEWAY)


@given(st.text(max_size=80))
def test_any_text_is_judged_as_a_url(url: str) -> None:
    assert is_at(url, GATEWAY) in (True, False)


@pytest.mark.parametrize(
    ("gateway", "group"),
    [("192.168.1.1", "239.255.255.250"), ("fe80::1", "ff02::c"), ("2001:db8::1", "ff05::c")],
)
def test_a_router_tells_everybody_in_the_scope_of_the_address_that_it_tells_it_from(
    gateway: str, group: str
) -> None:
    assert notice_group(gateway) == group
