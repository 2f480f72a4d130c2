"""Key blinding: checked by another library, and by what an insider must not be able to do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.blinding import blind_public, sign_blinded
from meshdht.crypto.derive import derive
from meshdht.crypto.keys import LocatorKey, SigningKey, VerifyKey, verify_ed25519
from meshdht.errors import BadSignature

VECTORS = json.loads((Path(__file__).parents[2] / "docs/vectors/blinding.json").read_text())

LOCATOR_KEY = LocatorKey(bytes(range(32)))
ORDER = 2**252 + 27742317777372353535851937790883648493

seeds = st.binary(min_size=32, max_size=32)
epochs = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize("vector", VECTORS)
def test_blinding_agrees_with_the_published_vectors(vector: dict[str, str]) -> None:
    device = SigningKey(bytes.fromhex(vector["device_seed"]))
    locator_key = LocatorKey(bytes.fromhex(vector["locator_key"]))
    message = bytes.fromhex(vector["message"])
    blinded, signature = sign_blinded(locator_key, int(vector["epoch"]), device, message)
    assert blinded.raw.hex() == vector["blinded_public_key"]
    assert signature.hex() == vector["signature"]


@given(seeds, epochs, st.binary(max_size=100))
@settings(max_examples=50)
def test_a_blinded_signature_is_plain_ed25519_to_others(
    seed: bytes, epoch: int, message: bytes
) -> None:
    device = SigningKey(seed)
    blinded, signature = sign_blinded(LOCATOR_KEY, epoch, device, message)
    assert blinded == blind_public(LOCATOR_KEY, epoch, device.public)
    Ed25519PublicKey.from_public_bytes(blinded.raw).verify(signature, message)
    verify_ed25519(blinded.raw, message, signature)
    assert int.from_bytes(signature[32:], "little") < ORDER


@given(seeds, epochs, epochs)
@settings(max_examples=50)
def test_two_epochs_share_no_part_of_key_or_signature(seed: bytes, one: int, other: int) -> None:
    assume(one != other)
    device = SigningKey(seed)
    first_key, first = sign_blinded(LOCATOR_KEY, one, device, b"the same message")
    second_key, second = sign_blinded(LOCATOR_KEY, other, device, b"the same message")
    seen = {first_key.raw, first[:32], first[32:], second_key.raw, second[:32], second[32:]}
    assert len(seen) == 6
    assert device.public.raw not in seen
    with pytest.raises(BadSignature):
        verify_ed25519(second_key.raw, b"the same message", first)


def test_without_the_locator_key_the_blinded_key_is_another() -> None:
    device = SigningKey(bytes(32)).public
    other = LocatorKey(bytes(32))
    assert blind_public(LOCATOR_KEY, 7, device) != blind_public(other, 7, device)


def test_a_member_cannot_sign_for_anothers_blinded_key() -> None:
    """What a member has: the victim's public key, the factor h, and keys of its own."""
    entropy = SeededEntropy(1)
    victim, member = SigningKey.generate(entropy), SigningKey.generate(entropy)
    target = blind_public(LOCATOR_KEY, 7, victim.public)
    factor = derive(
        LOCATOR_KEY.raw, "blinding factor", (7).to_bytes(8, "big"), victim.public.raw, size=64
    )
    forgers = [member, SigningKey(factor[:32]), SigningKey(factor[32:])]
    for forger in forgers:
        blinded, signature = sign_blinded(LOCATOR_KEY, 7, forger, b"message")
        assert blinded != target
        with pytest.raises(BadSignature):
            verify_ed25519(target.raw, b"message", signature)


def test_a_signature_under_the_plain_key_does_not_carry_over() -> None:
    """A' = h·A: S of a plain signature times h would do if the challenge did not name A'."""
    device = SigningKey(bytes(range(32)))
    blinded, _ = sign_blinded(LOCATOR_KEY, 7, device, b"message")
    factor = int.from_bytes(
        derive(
            LOCATOR_KEY.raw, "blinding factor", (7).to_bytes(8, "big"), device.public.raw, size=64
        ),
        "little",
    )
    _, plain = sign_blinded(LOCATOR_KEY, 8, device, b"message")
    scaled = int.from_bytes(plain[32:], "little") * factor % ORDER
    with pytest.raises(BadSignature):
        verify_ed25519(blinded.raw, b"message", plain[:32] + scaled.to_bytes(32, "little"))


@pytest.mark.parametrize(
    "point", [bytes(32), b"\1" + bytes(31), b"\xff" * 32, b"\xec" + b"\xff" * 30 + b"\x7f"]
)
def test_a_point_of_small_order_cannot_be_blinded(point: bytes) -> None:
    with pytest.raises(BadSignature):
        blind_public(LOCATOR_KEY, 7, VerifyKey(point))


def test_the_nonce_of_a_message_is_not_used_for_another() -> None:
    device = SigningKey(hashlib.sha256(b"device").digest())
    _, one = sign_blinded(LOCATOR_KEY, 7, device, b"one")
    _, other = sign_blinded(LOCATOR_KEY, 7, device, b"other")
    assert one[:32] != other[:32]
    assert sign_blinded(LOCATOR_KEY, 7, device, b"one")[1] == one
