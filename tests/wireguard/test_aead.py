"""Both ways to the AEAD of transport messages, against the specification's construction."""

from __future__ import annotations

import struct
import subprocess
import sys

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from meshdht.errors import OpenFailed
from meshdht.wireguard import aead
from meshdht.wireguard.aead import TransportKey

KEY = bytes(range(32))
ways = pytest.mark.parametrize("way", [aead.OpenSSL, aead.QUICKEST])


def plain(counter: int, packet: bytes) -> bytes:
    """The paper's AEAD(key, counter, packet, nothing)."""
    return ChaCha20Poly1305(KEY).encrypt(struct.pack("<IQ", 0, counter), packet, None)


@ways
@given(counter=st.integers(0, 2**64 - 1), packet=st.binary(max_size=1500))
def test_a_packet_is_sealed_under_its_counter(
    way: type[aead.OpenSSL], counter: int, packet: bytes
) -> None:
    key, little = TransportKey(KEY, way), counter.to_bytes(8, "little")
    assert key.seal(little, packet) == plain(counter, packet)
    assert key.open(little, plain(counter, packet)) == packet


@ways
@given(first=st.integers(0, 2**63), packets=st.lists(st.binary(max_size=100), max_size=9))
def test_many_are_sealed_and_opened_as_each_alone(
    way: type[aead.OpenSSL], first: int, packets: list[bytes]
) -> None:
    counters = np.arange(first, first + len(packets), dtype="<u8")
    expected = [plain(first + number, packet) for number, packet in enumerate(packets)]
    key = TransportKey(KEY, way)
    assert key.seal_all(counters, map(memoryview, packets)) == b"".join(expected)
    assert key.open_all(counters, map(memoryview, expected)) == packets


@ways
@pytest.mark.parametrize("size", [0, 1, 15, 16, 40])
def test_what_was_not_sealed_under_the_key_does_not_open(
    way: type[aead.OpenSSL], size: int
) -> None:
    key = TransportKey(KEY, way)
    with pytest.raises(OpenFailed):
        key.open(bytes(8), bytes(size))
    good, counters = plain(0, b"packet"), np.arange(2, dtype="<u8")
    with pytest.raises(OpenFailed):
        key.open_all(counters, [memoryview(good), memoryview(bytes(size))])
    with pytest.raises(OpenFailed):
        key.open_all(counters[::-1], [memoryview(good), memoryview(good)])


def test_without_the_quick_way_the_other_serves() -> None:
    lines = (
        "import sys",
        "sys.modules['qh3._hazmat'] = None",
        "from meshdht.wireguard import aead",
        "assert aead.QUICKEST is aead.OpenSSL",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


def test_a_way_that_has_become_another_is_not_taken() -> None:
    class Shifted(aead.OpenSSL):
        def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
            return super().encrypt(packet_number + 1, data, associated_data)

    class Keyless(aead.OpenSSL):
        def __init__(self, key: bytes, iv: bytes) -> None:
            super().__init__(key[:16], iv)

    def of_one(key: bytes) -> aead.OpenSSL:
        return aead.OpenSSL(key, bytes(12))

    assert aead.agrees(aead.OpenSSL)
    assert not any(map(aead.agrees, (Shifted, Keyless, of_one)))  # type: ignore[arg-type]
