"""Join claims."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import NetworkId, WireGuardPublicKey
from meshdht.errors import BadSignature, Malformed
from meshdht.membership.claims import decode_claim, make_claim
from tests.membership.household import invite_key, signing_key
from tests.support.torsion import mixed_claim

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/membership.json").read_text())
NETWORK = NetworkId(bytes(range(32)))
CLAIM = make_claim(
    network=NETWORK,
    invite=invite_key(0),
    device=signing_key(1),
    wireguard_key=WireGuardPublicKey(bytes(32)),
    name="laptop",
    claimed_at=1_800_000_000,
)
ENCODED = CLAIM.encode()


def test_a_claim_agrees_with_the_published_vector() -> None:
    claim = decode_claim(bytes.fromhex(VECTOR["claim"]))
    claim.verify(NetworkId(bytes.fromhex(VECTOR["network_id"])))
    assert (claim.name, claim.claimed_at) == ("laptop", int(VECTOR["unix"]) + 60)
    assert claim.encode().hex() == VECTOR["claim"]


def test_a_claim_reads_back_and_verifies() -> None:
    claim = decode_claim(ENCODED)
    assert claim == CLAIM
    claim.verify(NETWORK)


def test_a_claim_is_for_one_network() -> None:
    with pytest.raises(BadSignature):
        CLAIM.verify(NetworkId(bytes(32)))


@given(st.integers(0, len(ENCODED) * 8 - 1))
def test_one_altered_bit_is_refused(bit: int) -> None:
    altered = bytearray(ENCODED)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Malformed, BadSignature)):
        decode_claim(bytes(altered)).verify(NETWORK)


@given(st.binary(max_size=400))
def test_any_bytes_are_malformed_or_badly_signed(data: bytes) -> None:
    with pytest.raises((Malformed, BadSignature)):
        decode_claim(data).verify(NETWORK)


def test_the_two_signatures_cannot_change_places() -> None:
    swapped = ENCODED[:-128] + ENCODED[-64:] + ENCODED[-128:-64]
    with pytest.raises(BadSignature):
        decode_claim(swapped).verify(NETWORK)


def test_a_name_longer_than_a_label_is_malformed() -> None:
    longer = make_claim(
        network=NETWORK,
        invite=invite_key(0),
        device=signing_key(1),
        wireguard_key=WireGuardPublicKey(bytes(32)),
        name="a" * 64,
        claimed_at=0,
    )
    with pytest.raises(Malformed, match="longer"):
        decode_claim(longer.encode())


def test_a_key_of_mixed_order_signs_no_claim() -> None:
    """Its signatures verify, but nothing could ever be boxed to it, nor its key be blinded."""
    claim = mixed_claim(NETWORK, invite_key(0), signing_key(9), 0)
    with pytest.raises(BadSignature, match="prime order"):
        claim.verify(NETWORK)
