"""ChaCha20-Poly1305 as transport messages have it (paper, section 5.4.6), of many at once.

The nonce is four zeros and the counter, little-endian; nothing is authenticated besides.

AWS-LC keeps a key ready. ``cryptography`` makes a context of OpenSSL for each call, which takes
longer than the work on a full packet (docs/decisions/aead.md). What brings AWS-LC is qh3, a
library of QUIC, so the call is QUIC's (RFC 9001, section 5.3): the nonce is an IV, here zeros,
with the packet number in its last eight bytes, big-endian, xored in. That is the counter with
its bytes the other way round.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Protocol

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from meshdht.errors import OpenFailed

Counters = npt.NDArray[np.uint64]

_IV = bytes(12)
_NUMBERS = np.dtype(">u8")


class Aead(Protocol):
    """A key of QUIC's."""

    def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes: ...

    def decrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes: ...


class OpenSSL:
    """The same by ``cryptography``, which is everywhere. The IV is zeros."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._aead = ChaCha20Poly1305(key)
        self._prefix = iv[:4]

    def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        nonce = self._prefix + packet_number.to_bytes(8, "big")
        return self._aead.encrypt(nonce, data, associated_data)

    def decrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        nonce = self._prefix + packet_number.to_bytes(8, "big")
        return self._aead.decrypt(nonce, data, associated_data)


def agrees(aead: Callable[[bytes, bytes], Aead]) -> bool:
    """Whether this way seals as OpenSSL does."""
    key, number, packet = bytes(range(32)), 1 << 56, b"packet"
    try:
        sealed = aead(key, _IV).encrypt(number, packet, b"")
    except (TypeError, ValueError):
        return False
    return sealed == OpenSSL(key, _IV).encrypt(number, packet, b"")


QUICKEST: Callable[[bytes, bytes], Aead] = OpenSSL
_FAILURES: tuple[type[Exception], ...] = (InvalidTag,)

# A part of qh3 that makes no promises: where it is missing, or has become another, OpenSSL serves.
with contextlib.suppress(ImportError):
    from qh3._hazmat import AeadChaCha20Poly1305, CryptoError

    if agrees(AeadChaCha20Poly1305):
        QUICKEST = AeadChaCha20Poly1305
        _FAILURES = (InvalidTag, CryptoError)


class TransportKey:
    """The key of one direction of a session. Counters are as in a message: little-endian."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes, aead: Callable[[bytes, bytes], Aead] | None = None) -> None:
        self._aead = (aead or QUICKEST)(key, _IV)

    def seal(self, counter: bytes, packet: bytes) -> bytes:
        """The packet sealed, with its tag of 16 bytes."""
        return self._aead.encrypt(int.from_bytes(counter, "big"), packet, b"")

    def open(self, counter: bytes, sealed: bytes) -> bytes:
        """What ``seal`` was given; raises OpenFailed."""
        try:
            return self._aead.decrypt(int.from_bytes(counter, "big"), sealed, b"")
        except _FAILURES:
            raise OpenFailed("a transport message does not open") from None

    def seal_all(self, counters: Counters, packets: Iterable[memoryview]) -> bytes:
        """All of them, one after the other."""
        numbers = counters.view(_NUMBERS).tolist()
        return b"".join(map(self._aead.encrypt, numbers, map(bytes, packets), repeat(b"")))

    def open_all(self, counters: Counters, sealed: Iterable[memoryview]) -> list[bytes]:
        """All of them; raises OpenFailed if one does not open."""
        numbers = counters.view(_NUMBERS).tolist()
        try:
            return list(map(self._aead.decrypt, numbers, map(bytes, sealed), repeat(b"")))
        except _FAILURES:
            raise OpenFailed("not all transport messages open") from None
