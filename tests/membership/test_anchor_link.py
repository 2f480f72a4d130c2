"""Anchor links, whole and damaged, and what they do not say."""

from __future__ import annotations

import base64
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.derive import digest
from meshdht.crypto.keys import NetworkSecret, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import LinkError
from meshdht.limits import LINK_HINTS_MAX
from meshdht.membership.anchor_link import AnchorLink, parse_anchor_link
from meshdht.membership.link import parse_link

SECRET = NetworkSecret(bytes(range(32)))
HINTS = (Endpoint("192.0.2.1", 51820), Endpoint("2001:db8::1", 51820))
LINK = AnchorLink(SECRET.packet_key, 3, HINTS)
TEXT = str(LINK)
SCHEME = "meshdht-anchor://"

endpoints = st.builds(Endpoint, st.ip_addresses(v=4).map(str), st.integers(0, 65535))
links = st.builds(
    AnchorLink,
    packet_key=st.binary(min_size=32, max_size=32).map(PacketKey),
    generation=st.integers(0, 2**32 - 1),
    hints=st.lists(endpoints, max_size=LINK_HINTS_MAX).map(tuple),
)


def _forge(payload: bytes, place: str = "packets") -> str:
    """A link with a good checksum around any payload."""
    whole = payload + digest("anchor link checksum", place.encode(), payload, size=4)
    return f"{SCHEME}{place}/{base64.urlsafe_b64encode(whole).rstrip(b'=').decode()}"


@given(links)
def test_a_link_reads_back(link: AnchorLink) -> None:
    assert parse_anchor_link(str(link)) == link


def test_a_link_says_the_packet_key_the_generation_and_hints_alone() -> None:
    payload = base64.urlsafe_b64decode(TEXT.rpartition("/")[2] + "==")
    hints = bytes.fromhex("04c0000201ca6c0620010db8000000000000000000000001ca6c")
    assert payload[:-4] == b"\1" + SECRET.packet_key.raw + bytes([0, 0, 0, 3, 2]) + hints
    assert {field.name for field in fields(LINK)} == {"packet_key", "generation", "hints"}
    for secret in (SECRET.raw, SECRET.gossip_key.raw, SECRET.record_key.raw):
        assert secret not in payload


def test_a_link_hides_its_key_in_a_log() -> None:
    assert "<PacketKey>" in repr(LINK)


def test_a_link_takes_eight_hints() -> None:
    hints = tuple(Endpoint("192.0.2.1", port) for port in range(1, 12))
    assert parse_anchor_link(str(replace(LINK, hints=hints))).hints == hints[:LINK_HINTS_MAX]


@pytest.mark.parametrize(
    "text",
    [f" {TEXT}\n", TEXT[:40] + "\n" + TEXT[40:], TEXT.replace(SCHEME, SCHEME.upper())],
)
def test_what_programs_do_to_links_on_their_way_is_forgiven(text: str) -> None:
    assert parse_anchor_link(text) == LINK


def test_an_invite_link_is_no_anchor_link_nor_the_reverse() -> None:
    with pytest.raises(LinkError, match="not an anchor link") as caught:
        parse_anchor_link("meshdht://home/AAAA")
    assert "meshdht anchor link" in caught.value.hint
    with pytest.raises(LinkError, match="not an invite link"):
        parse_link(TEXT)


@given(st.integers(len(SCHEME), len(TEXT) - 1))
def test_a_truncated_link_is_called_so(length: int) -> None:
    with pytest.raises(LinkError, match="this anchor link is truncated or altered") as caught:
        parse_anchor_link(TEXT[:length])
    assert "copy the whole link again" in caught.value.hint


def test_a_newer_link_is_called_so() -> None:
    with pytest.raises(LinkError, match="newer version of meshdht"):
        parse_anchor_link(_forge(b"\2" + bytes(10)))


@given(st.binary(max_size=80))
def test_any_payload_with_a_good_checksum_reads_or_is_a_link_error(content: bytes) -> None:
    text = _forge(b"\1" + content)
    try:
        link = parse_anchor_link(text)
    except LinkError:
        return
    assert str(link) == text


def test_a_link_that_says_more_is_refused() -> None:
    payload = base64.urlsafe_b64decode(TEXT.rpartition("/")[2] + "==")[:-4]
    for text in (_forge(payload, place="home"), _forge(payload + b"home")):
        with pytest.raises(LinkError, match="cannot be read"):
            parse_anchor_link(text)
