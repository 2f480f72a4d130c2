"""Derivations, against RFC 7693 and by what they promise."""

from __future__ import annotations

import hashlib

from hypothesis import assume, given
from hypothesis import strategies as st

from meshdht.crypto.derive import derive, digest, message_digest

parts = st.lists(st.binary(max_size=40), max_size=4)


def _sequence(length: int, seed: int) -> bytes:
    """The generator of RFC 7693, appendix E."""
    a, b = 0xDEAD4BAD * seed & 0xFFFFFFFF, 1
    out = bytearray()
    for _ in range(length):
        a, b = b, (a + b) & 0xFFFFFFFF
        out.append(b >> 24)
    return bytes(out)


def test_blake2b_passes_the_self_test_of_rfc_7693() -> None:
    total = hashlib.blake2b(digest_size=32)
    for size in (20, 32, 48, 64):
        for length in (0, 3, 128, 129, 255, 1024):
            data, key = _sequence(length, length), _sequence(size, size)
            total.update(hashlib.blake2b(data, digest_size=size).digest())
            total.update(hashlib.blake2b(data, digest_size=size, key=key).digest())
    assert total.hexdigest() == "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475"


def test_the_input_is_context_and_parts_each_after_its_length() -> None:
    written = b"\x00\x0dmeshdht/1 abc\x00\x02hi\x00\x00"
    key = bytes(range(32))
    assert (
        derive(key, "abc", b"hi", b"") == hashlib.blake2b(written, key=key, digest_size=32).digest()
    )
    assert digest("abc", b"hi", b"", size=20) == hashlib.blake2b(written, digest_size=20).digest()
    assert (
        message_digest("abc", b"hi")
        == hashlib.blake2b(written[:15] + b"hi", digest_size=32).digest()
    )


@given(parts, parts)
def test_no_two_lists_of_parts_collide(one: list[bytes], other: list[bytes]) -> None:
    assume(one != other)
    assert digest("test", *one) != digest("test", *other)


@given(st.text(max_size=8), st.text(max_size=8))
def test_no_two_contexts_collide(one: str, other: str) -> None:
    assume(one != other)
    key = bytes(32)
    assert derive(key, one) != derive(key, other)


def test_size_and_key_change_all_of_the_output() -> None:
    assert derive(bytes(32), "test", size=20) != derive(bytes(32), "test", size=32)[:20]
    assert derive(bytes(32), "test") != derive(b"\1" + bytes(31), "test")
    assert derive(bytes(32), "test") != digest("test")
