"""Anchor links, whole and damaged, and what they do not say."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.derive import digest
from meshdht.crypto.keys import AnchorWelcome, InviteKey, NetworkSecret, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import LinkError
from meshdht.limits import CLAIM_CLOCK_TOLERANCE_S, LINK_HINTS_MAX
from meshdht.membership.anchor_link import AnchorLink, parse_anchor_link
from meshdht.membership.link import parse_link

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/anchor.json").read_text())
SECRET = NetworkSecret(bytes(range(32)))
HINTS = (Endpoint("192.0.2.1", 51820), Endpoint("2001:db8::1", 51820))
INVITE = InviteKey(bytes(range(64, 96)))
EXPIRES = 1_800_003_600
LINK = AnchorLink(
    packet_key=SECRET.packet_key,
    generation=3,
    invite=INVITE,
    welcome=SECRET.anchor_welcome(INVITE.invite_public),
    expires=EXPIRES,
    suggested_name="vps",
    hints=HINTS,
)
TEXT = str(LINK)
SCHEME = "meshdht-anchor://"

endpoints = st.builds(Endpoint, st.ip_addresses(v=4).map(str), st.integers(0, 65535))
links = st.builds(
    AnchorLink,
    packet_key=st.binary(min_size=32, max_size=32).map(PacketKey),
    generation=st.integers(0, 2**32 - 1),
    invite=st.binary(min_size=32, max_size=32).map(InviteKey),
    welcome=st.binary(min_size=16, max_size=16).map(AnchorWelcome),
    expires=st.integers(0, 2**64 - 1),
    suggested_name=st.from_regex(r"[a-z0-9]{0,63}", fullmatch=True),
    hints=st.lists(endpoints, max_size=LINK_HINTS_MAX).map(tuple),
)


def _forge(payload: bytes, place: str = "packets") -> str:
    """A link with a good checksum around any payload."""
    whole = payload + digest("anchor link checksum", place.encode(), payload, size=4)
    return f"{SCHEME}{place}/{base64.urlsafe_b64encode(whole).rstrip(b'=').decode()}"


@given(links)
def test_a_link_reads_back(link: AnchorLink) -> None:
    assert parse_anchor_link(str(link)) == link


def _payload(text: str = TEXT) -> bytes:
    encoded = text.rpartition("/")[2]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def test_a_link_agrees_with_the_published_vector() -> None:
    link = parse_anchor_link(VECTOR["link"])
    secret = NetworkSecret(bytes.fromhex(VECTOR["network_secret"]))
    assert link.invite.raw.hex() == VECTOR["invite_seed"]
    assert link.packet_key == secret.packet_key
    assert link.welcome == secret.anchor_welcome(link.invite.invite_public)
    assert link.welcome.raw.hex() == VECTOR["welcome"]
    assert (link.generation, link.suggested_name) == (1, "vps")
    assert link.expires == int(VECTOR["unix"]) + 3600
    assert str(link) == VECTOR["link"]


def test_a_link_says_what_an_anchor_needs_and_nothing_of_the_network() -> None:
    payload = _payload()
    hints = bytes.fromhex("04c0000201ca6c0620010db8000000000000000000000001ca6c")
    assert payload[:-4] == b"".join(
        [
            b"\2" + SECRET.packet_key.raw + bytes([0, 0, 0, 3]),
            INVITE.raw + LINK.welcome.raw + EXPIRES.to_bytes(8, "big"),
            b"\0\3vps\2" + hints,
        ]
    )
    for secret in (SECRET.raw, SECRET.gossip_key.raw, SECRET.record_key.raw):
        assert secret not in payload


def test_a_link_hides_its_key_in_a_log() -> None:
    for role in ("PacketKey", "InviteKey", "AnchorWelcome"):
        assert f"<{role}>" in repr(LINK)


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
        parse_anchor_link(_forge(b"\3" + bytes(10)))


def test_an_older_link_is_called_so() -> None:
    with pytest.raises(LinkError, match="older version of meshdht") as caught:
        parse_anchor_link(_forge(b"\1" + bytes(37)))
    assert "ask for a new one (`meshdht anchor link`)" in caught.value.hint


def test_an_expired_link_is_refused_by_its_date() -> None:
    LINK.refuse_expired(EXPIRES + CLAIM_CLOCK_TOLERANCE_S)
    with pytest.raises(LinkError, match=r"expired on 2027-01-15 09:00 UTC"):
        LINK.refuse_expired(EXPIRES + CLAIM_CLOCK_TOLERANCE_S + 1)


@given(st.binary(max_size=80))
def test_any_payload_with_a_good_checksum_reads_or_is_a_link_error(content: bytes) -> None:
    text = _forge(b"\2" + content)
    try:
        link = parse_anchor_link(text)
    except LinkError:
        return
    assert str(link) == text


def test_a_link_that_says_more_is_refused() -> None:
    payload = _payload()[:-4]
    for text in (_forge(payload, place="home"), _forge(payload + b"home")):
        with pytest.raises(LinkError, match="cannot be read"):
            parse_anchor_link(text)
