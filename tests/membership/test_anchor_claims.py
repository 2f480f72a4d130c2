"""Anchors' claims."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import InviteKey, SigningKey
from meshdht.errors import BadSignature, Malformed
from meshdht.membership.anchor_claims import (
    UNTOLD_NETWORK,
    decode_anchor_claim,
    make_anchor_claim,
)
from meshdht.membership.claims import decode_claim, make_claim
from tests.membership.household import invite_key, signing_key, wireguard_key
from tests.support.torsion import mixed_key

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/anchor.json").read_text())
CLAIM = make_anchor_claim(
    invite=invite_key(0), anchor=signing_key(1), name="vps", claimed_at=1_800_000_000
)
ENCODED = CLAIM.encode()


def test_a_claim_agrees_with_the_published_vector() -> None:
    claim = make_anchor_claim(
        invite=InviteKey(bytes.fromhex(VECTOR["invite_seed"])),
        anchor=SigningKey(bytes.fromhex(VECTOR["anchor_seed"])),
        name="vps",
        claimed_at=int(VECTOR["unix"]) + 60,
    )
    assert claim.encode().hex() == VECTOR["claim"]
    assert str(claim.anchor.device_id) == VECTOR["anchor_id"]


def test_a_claim_reads_back_and_verifies() -> None:
    claim = decode_anchor_claim(ENCODED)
    assert claim == CLAIM
    claim.verify()


@given(st.integers(0, len(ENCODED) * 8 - 1))
def test_one_altered_bit_is_refused(bit: int) -> None:
    altered = bytearray(ENCODED)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Malformed, BadSignature)):
        decode_anchor_claim(bytes(altered)).verify()


@given(st.binary(max_size=400))
def test_any_bytes_are_malformed_or_badly_signed(data: bytes) -> None:
    with pytest.raises((Malformed, BadSignature)):
        decode_anchor_claim(data).verify()


def test_a_name_longer_than_a_label_is_malformed() -> None:
    longer = make_anchor_claim(
        invite=invite_key(0), anchor=signing_key(1), name="a" * 64, claimed_at=0
    )
    with pytest.raises(Malformed, match="longer"):
        decode_anchor_claim(longer.encode())


def test_a_key_of_mixed_order_signs_no_claim() -> None:
    """Nothing could ever be boxed to it."""
    mixed = ENCODED.replace(signing_key(1).public.raw, mixed_key(signing_key(1)).raw)
    with pytest.raises(BadSignature, match="prime order"):
        decode_anchor_claim(mixed).verify()


def test_a_devices_claim_is_no_anchors() -> None:
    """Even one signed for the network id that anchors sign for."""
    device = make_claim(
        network=UNTOLD_NETWORK,
        invite=invite_key(0),
        device=signing_key(1),
        wireguard_key=wireguard_key(1),
        name="vps",
        claimed_at=1_800_000_000,
    ).encode()
    with pytest.raises((Malformed, BadSignature)):
        decode_anchor_claim(device).verify()
    with pytest.raises((Malformed, BadSignature)):
        decode_claim(ENCODED).verify(UNTOLD_NETWORK)
