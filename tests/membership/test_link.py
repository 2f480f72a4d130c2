"""Invite links, whole and damaged."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.derive import digest
from meshdht.crypto.keys import DeviceId, NetworkId, NetworkSecret, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import LinkError
from meshdht.limits import (
    CLAIM_CLOCK_TOLERANCE_S,
    LINK_ANCHORS_MAX,
    LINK_HINTS_MAX,
    LINK_TEXT_MAX,
)
from meshdht.membership.link import Link, LinkAnchor, parse_link
from tests.membership.household import UNIX, invite_key

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/membership.json").read_text())
HINTS = (Endpoint("192.0.2.1", 51820), Endpoint("2001:db8::1", 51820))
SECRET = NetworkSecret(bytes(range(32)))
LINK = Link(
    network_name="home",
    network=NetworkId(b"n" * 32),
    invite=invite_key(0),
    packet_key=SECRET.packet_key,
    generation=1,
    expires=UNIX,
    ipv4_range=IPv4Network("100.64.0.0/18"),
    suggested_name="laptop",
    hints=HINTS,
)
TEXT = str(LINK)

labels = st.from_regex(r"[a-z0-9]{1,63}", fullmatch=True)
endpoints = st.builds(Endpoint, st.ip_addresses(v=4).map(str), st.integers(0, 65535))
links = st.builds(
    Link,
    network_name=labels,
    network=st.binary(min_size=32, max_size=32).map(NetworkId),
    invite=st.integers(0, 9).map(invite_key),
    packet_key=st.binary(min_size=32, max_size=32).map(PacketKey),
    generation=st.integers(0, 2**32 - 1),
    expires=st.integers(0, 2**64 - 1),
    ipv4_range=st.integers(16, 28).map(lambda size: IPv4Network((IPv4Address("10.0.0.0"), size))),
    suggested_name=labels | st.just(""),
    hints=st.lists(endpoints, max_size=LINK_HINTS_MAX).map(tuple),
)


def _forge(payload: bytes, name: str = "home") -> str:
    """A link with a good checksum around any payload."""
    whole = payload + digest("link checksum", name.encode(), payload, size=4)
    return f"meshdht://{name}/{base64.urlsafe_b64encode(whole).rstrip(b'=').decode()}"


def test_a_link_agrees_with_the_published_vector() -> None:
    link = parse_link(VECTOR["link"])
    assert link.network.raw.hex() == VECTOR["network_id"]
    assert link.invite.raw.hex() == VECTOR["invite_seed"]
    assert (link.network_name, link.suggested_name, link.generation) == ("home", "laptop", 1)
    assert str(link) == VECTOR["link"]


@given(links)
def test_a_link_reads_back(link: Link) -> None:
    assert parse_link(str(link)) == link


def test_a_link_takes_anchors_beside_the_hints() -> None:
    anchors = tuple(LinkAnchor(DeviceId(bytes([n]) * 20), HINTS[n % 2]) for n in range(3))
    for count in range(4):
        link = replace(LINK, anchors=anchors[:count])
        assert parse_link(str(link)).anchors == anchors[: min(count, LINK_ANCHORS_MAX)]
    assert replace(LINK, anchors=anchors[:1]).places == (*HINTS, HINTS[0])
    payload = replace(LINK, anchors=anchors[:2])._payload()
    size = 2 * 20 + (1 + 4 + 2) + (1 + 16 + 2)
    for tail in (b"\0", b"\3" + payload[-size:] * 2, payload[-size - 1 :] + b"\0"):
        with pytest.raises(LinkError, match="cannot be read"):
            parse_link(_forge(LINK._payload() + tail))


@pytest.mark.parametrize(
    ("hints", "length"), [((), 177), (HINTS[:1], 186), (HINTS[1:], 202), (HINTS * 4, 315)]
)
def test_a_link_has_the_length_that_the_protocol_states(
    hints: tuple[Endpoint, ...], length: int
) -> None:
    assert len(str(replace(LINK, suggested_name="", hints=hints))) == length


def test_a_link_is_safe_in_urls() -> None:
    assert set(TEXT[len("meshdht://home/") :]) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


def test_the_secret_of_the_network_is_not_in_the_link() -> None:
    payload = base64.urlsafe_b64decode(TEXT.rpartition("/")[2] + "==")
    assert SECRET.raw not in payload
    assert SECRET.gossip_key.raw not in payload
    assert SECRET.record_key.raw not in payload


def test_a_link_hides_its_secrets_in_a_log() -> None:
    assert "<InviteKey>" in repr(LINK)
    assert "<PacketKey>" in repr(LINK)


def test_a_link_takes_eight_hints() -> None:
    hints = tuple(Endpoint("192.0.2.1", port) for port in range(1, 12))
    assert parse_link(str(replace(LINK, hints=hints))).hints == hints[:LINK_HINTS_MAX]


@pytest.mark.parametrize(
    "text",
    [
        f"  {TEXT}\n",
        TEXT[:70] + "\n" + TEXT[70:],
        TEXT.replace("meshdht://home", "MESHDHT://HOME"),
    ],
)
def test_what_programs_do_to_links_on_their_way_is_forgiven(text: str) -> None:
    assert parse_link(text) == LINK


@pytest.mark.parametrize("text", ["", "home", "https://example.org/abc", "meshdht:home"])
def test_what_is_no_link_is_called_so(text: str) -> None:
    with pytest.raises(LinkError, match="not an invite link") as caught:
        parse_link(text)
    assert "meshdht://" in caught.value.hint


@given(st.integers(len("meshdht://"), len(TEXT) - 1))
def test_a_truncated_link_is_called_so(length: int) -> None:
    with pytest.raises(LinkError, match="truncated or altered") as caught:
        parse_link(TEXT[:length])
    assert "copy the whole link again" in caught.value.hint


@given(st.integers(len("meshdht://"), len(TEXT) - 1), st.sampled_from("aZ0-_./=?é "))
def test_an_altered_link_is_called_so(place: int, character: str) -> None:
    altered = TEXT[:place] + character + TEXT[place + 1 :]
    if altered != TEXT:
        with pytest.raises(LinkError, match="truncated or altered"):
            parse_link(altered)


def test_a_link_has_one_spelling() -> None:
    """The last character may have bits to spare; they are zero."""
    link = next(
        each
        for length in range(1, 4)
        if len(str(each := replace(LINK, suggested_name="a" * length)).rpartition("/")[2]) % 4 == 2
    )
    text = str(link)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + alphabet[alphabet.index(text[-1]) + 1]
    payload, other_payload = (each.rpartition("/")[2] + "==" for each in (text, other))
    assert base64.urlsafe_b64decode(payload) == base64.urlsafe_b64decode(other_payload)
    with pytest.raises(LinkError, match="truncated or altered"):
        parse_link(other)


def test_a_link_without_end_is_refused() -> None:
    with pytest.raises(LinkError, match="truncated or altered"):
        parse_link(TEXT + "A" * LINK_TEXT_MAX)


def test_a_newer_link_is_called_so() -> None:
    with pytest.raises(LinkError, match="newer version of meshdht") as caught:
        parse_link(_forge(b"\2" + bytes(10)))
    assert caught.value.hint == "update meshdht on this device"


@given(st.binary(max_size=150))
def test_any_payload_with_a_good_checksum_reads_or_is_a_link_error(content: bytes) -> None:
    text = _forge(b"\1" + content)
    try:
        link = parse_link(text)
    except LinkError:
        return
    assert str(link) == text


def test_a_payload_that_is_no_link_is_called_unreadable() -> None:
    with pytest.raises(LinkError, match="cannot be read"):
        parse_link(_forge(b"\1" + bytes(20)))


def test_names_in_a_link_are_labels() -> None:
    for link in (replace(LINK, network_name="no_label"), replace(LINK, suggested_name="no label")):
        with pytest.raises(LinkError, match="no DNS label"):
            parse_link(str(link))


def test_an_expired_link_says_when_it_expired() -> None:
    LINK.refuse_expired(UNIX + CLAIM_CLOCK_TOLERANCE_S)
    with pytest.raises(LinkError, match="'home' expired on 2027-01-15 08:00 UTC"):
        LINK.refuse_expired(UNIX + CLAIM_CLOCK_TOLERANCE_S + 1)
