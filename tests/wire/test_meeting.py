"""What a joiner says through a relay that is no member: sealed, of one size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshdht.crypto.boxes import seal
from meshdht.crypto.keys import InviteKey, NetworkId
from meshdht.errors import Malformed, OpenFailed
from meshdht.membership.claims import make_claim
from meshdht.membership.names import LABEL_MAX
from meshdht.wire.meeting import CONTENT_SIZE, meeting_key, open_claim, seal_claim
from meshdht.wire.packet import MAX_BODY_SIZE
from tests.membership.household import invite_key, signing_key, wireguard_key

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/relay.json").read_text())["meeting"]
NETWORK = NetworkId(b"n" * 32)
KEY = meeting_key(NETWORK, invite_key(0).invite_public)
ID, NONCE = bytes(range(8)), bytes(24)


def test_the_bytes_are_those_of_the_vector() -> None:
    invite = InviteKey(bytes.fromhex(VECTOR["invite_seed"])).invite_public
    key = meeting_key(NetworkId(bytes.fromhex(VECTOR["network_id"])), invite)
    assert key.raw.hex() == VECTOR["key"]
    claim, nonce = bytes.fromhex(VECTOR["claim"]), bytes.fromhex(VECTOR["nonce"])
    message_id = bytes.fromhex(VECTOR["message_id"])
    assert seal_claim(key, nonce, claim, message_id).hex() == VECTOR["body"]


@pytest.mark.parametrize("name", ["a", "a" * LABEL_MAX])
def test_how_long_a_claim_is_shows_nothing(name: str) -> None:
    claim = make_claim(
        network=NETWORK,
        invite=invite_key(0),
        device=signing_key(1),
        wireguard_key=wireguard_key(1),
        name=name,
        claimed_at=0,
    ).encode()
    body = seal_claim(KEY, NONCE, claim, ID)
    assert len(body) == 24 + CONTENT_SIZE + 16 <= MAX_BODY_SIZE
    assert open_claim(KEY, body, ID) == claim


def test_only_who_knows_the_invite_and_the_network_opens_it() -> None:
    body = seal_claim(KEY, NONCE, b"claim", ID)
    other = meeting_key(NETWORK, invite_key(1).invite_public)
    elsewhere = meeting_key(NetworkId(bytes(32)), invite_key(0).invite_public)
    for key, said, message_id in [
        (other, body, ID),
        (elsewhere, body, ID),
        (KEY, body, bytes(8)),
        (KEY, body[:-1] + bytes([body[-1] ^ 1]), ID),
        (KEY, body[:10], ID),
        (KEY, b"", ID),
    ]:
        with pytest.raises(OpenFailed):
            open_claim(key, said, message_id)


def test_what_says_more_or_less_than_a_claim_is_malformed() -> None:
    for content in (b"", b"\xff\xff", b"\0\1a" + b"x".rjust(50, b"\0")):
        with pytest.raises(Malformed):
            open_claim(KEY, NONCE + seal(KEY, NONCE, content, b"join sealed" + ID), ID)
