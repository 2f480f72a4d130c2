"""Sealed bodies, against draft-irtf-cfrg-xchacha-03, appendix A.3.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, device_box_key, open_sealed, seal
from meshdht.crypto.keys import PacketKey, SigningKey, VerifyKey
from meshdht.errors import OpenFailed

KEY = PacketKey(bytes(range(0x80, 0xA0)))
NONCE = bytes(range(0x40, 0x58))
PLAINTEXT = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
    b"future, sunscreen would be it."
)
AAD = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
SEALED = bytes.fromhex(
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda"
    "7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b23835"
    "65d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49"
)


def test_sealing_agrees_with_the_draft() -> None:
    assert seal(KEY, NONCE, PLAINTEXT, AAD) == SEALED
    assert open_sealed(KEY, NONCE, SEALED, AAD) == PLAINTEXT


@given(st.binary(max_size=200), st.binary(max_size=40), st.binary(min_size=24, max_size=24))
def test_what_was_sealed_opens(plaintext: bytes, aad: bytes, nonce: bytes) -> None:
    sealed = seal(KEY, nonce, plaintext, aad)
    assert len(sealed) == len(plaintext) + TAG_SIZE
    assert open_sealed(KEY, nonce, sealed, aad) == plaintext


@given(st.integers(0, len(SEALED) * 8 - 1))
def test_one_altered_bit_does_not_open(bit: int) -> None:
    altered = bytearray(SEALED)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(OpenFailed):
        open_sealed(KEY, NONCE, bytes(altered), AAD)


@given(st.binary(max_size=100), st.binary(max_size=30))
def test_bytes_of_a_stranger_do_not_open(sealed: bytes, nonce: bytes) -> None:
    with pytest.raises(OpenFailed):
        open_sealed(KEY, nonce, sealed)


def test_another_key_nonce_or_additional_data_does_not_open() -> None:
    for key, nonce, aad in [
        (PacketKey(bytes(32)), NONCE, AAD),
        (KEY, bytes(NONCE_SIZE), AAD),
        (KEY, NONCE, b""),
    ]:
        with pytest.raises(OpenFailed):
            open_sealed(key, nonce, SEALED, aad)


def test_a_box_key_is_the_same_from_either_side_and_no_one_elses() -> None:
    entropy = SeededEntropy(1)
    one, other, third = (SigningKey.generate(entropy) for _ in range(3))
    assert device_box_key(one, other.public) == device_box_key(other, one.public)
    assert device_box_key(one, other.public) != device_box_key(third, other.public)
    assert device_box_key(one, other.public) != device_box_key(one, third.public)


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31), b"\xff" * 32])
def test_a_point_of_small_order_gives_no_box_key(point: bytes) -> None:
    with pytest.raises(OpenFailed):
        device_box_key(SigningKey(bytes(32)), VerifyKey(point))
