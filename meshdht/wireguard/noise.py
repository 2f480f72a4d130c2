"""Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s, as the paper writes it out (sections 5.4.2, 5.4.3).

    <- s                             the initiator knows the responder's static key
    ...
    -> e, es, s, ss                  payload: the TAI64N time stamp
    <- e, ee, se, psk                payload: nothing

C is the chaining key, H the hash, both 32 bytes. No method changes the state before every
tag of its message has verified: a forged response must not spoil the handshake under way.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from meshdht.errors import OpenFailed
from meshdht.wireguard.constants import CONSTRUCTION, IDENTIFIER

_ZERO_NONCE = bytes(12)


class SessionKeys(NamedTuple):
    """What a handshake gives: the two transport keys, from the holder's side, and the final H."""

    send: bytes
    receive: bytes
    handshake_hash: bytes


class StaticKey:
    """The device's X25519 key pair (RFC 7748), loaded once."""

    __slots__ = ("_private", "public")

    def __init__(self, private: bytes) -> None:
        self._private = X25519PrivateKey.from_private_bytes(private)
        self.public = self._private.public_key().public_bytes_raw()

    def exchange(self, public: bytes) -> bytes:
        """The shared secret; raises OpenFailed for a point of small order (all-zero result)."""
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise OpenFailed("a public key of small order") from None


def _hash(*parts: bytes) -> bytes:
    return hashlib.blake2s(b"".join(parts)).digest()


def _kdf(chaining_key: bytes, material: bytes, outputs: int) -> list[bytes]:
    """HKDF (RFC 5869) with HMAC-BLAKE2s and an empty info: KDF_n of the paper."""
    secret = hmac.digest(chaining_key, material, "blake2s")
    keys: list[bytes] = []
    previous = b""
    for number in range(1, outputs + 1):
        previous = hmac.digest(secret, previous + bytes([number]), "blake2s")
        keys.append(previous)
    return keys


def _open(key: bytes, sealed: bytes, handshake_hash: bytes) -> bytes:
    try:
        return ChaCha20Poly1305(key).decrypt(_ZERO_NONCE, sealed, handshake_hash)
    except InvalidTag:
        raise OpenFailed("a handshake field does not open") from None


def _start(responder: bytes, prologue: bytes) -> tuple[bytes, bytes]:
    chaining_key = _hash(CONSTRUCTION)
    return chaining_key, _hash(_hash(chaining_key, prologue), responder)


class Initiator:
    """The side that sends message 1. One object is one attempt, with one ephemeral key."""

    __slots__ = ("_chaining_key", "_ephemeral", "_hash", "_responder", "_static")

    def __init__(
        self,
        static: StaticKey,
        responder: bytes,
        ephemeral: bytes,
        *,
        prologue: bytes = IDENTIFIER,
    ) -> None:
        """``responder`` is its static public key; ``ephemeral`` are 32 fresh random bytes."""
        self._static = static
        self._responder = responder
        self._ephemeral = StaticKey(ephemeral)
        self._chaining_key, self._hash = _start(responder, prologue)

    def write_initiation(self, payload: bytes, static_static: bytes) -> tuple[bytes, bytes, bytes]:
        """(ephemeral public key, sealed static, sealed payload).

        ``static_static`` is DH(static, responder), which callers keep: it never changes.
        """
        ephemeral = self._ephemeral.public
        (chaining_key,) = _kdf(self._chaining_key, ephemeral, 1)
        handshake_hash = _hash(self._hash, ephemeral)
        chaining_key, key = _kdf(chaining_key, self._ephemeral.exchange(self._responder), 2)
        static = ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, self._static.public, handshake_hash)
        handshake_hash = _hash(handshake_hash, static)
        chaining_key, key = _kdf(chaining_key, static_static, 2)
        sealed = ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, payload, handshake_hash)
        self._chaining_key, self._hash = chaining_key, _hash(handshake_hash, sealed)
        return ephemeral, static, sealed

    def read_response(
        self, ephemeral: bytes, sealed: bytes, psk: bytes
    ) -> tuple[bytes, SessionKeys]:
        """(payload, keys); raises OpenFailed and stays as it was: another psk may be tried."""
        (chaining_key,) = _kdf(self._chaining_key, ephemeral, 1)
        handshake_hash = _hash(self._hash, ephemeral)
        (chaining_key,) = _kdf(chaining_key, self._ephemeral.exchange(ephemeral), 1)
        (chaining_key,) = _kdf(chaining_key, self._static.exchange(ephemeral), 1)
        chaining_key, tau, key = _kdf(chaining_key, psk, 3)
        handshake_hash = _hash(handshake_hash, tau)
        payload = _open(key, sealed, handshake_hash)
        send, receive = _kdf(chaining_key, b"", 2)
        return payload, SessionKeys(send, receive, _hash(handshake_hash, sealed))


class Responder:
    """The side that answers message 1.

    ``read_static`` tells who asks, ``read_payload`` proves it, ``write_response`` ends it.
    """

    __slots__ = ("_chaining_key", "_hash", "_remote_ephemeral", "_static", "initiator")

    def __init__(self, static: StaticKey, *, prologue: bytes = IDENTIFIER) -> None:
        self._static = static
        self._chaining_key, self._hash = _start(static.public, prologue)
        self._remote_ephemeral = b""
        self.initiator = b""

    def read_static(self, ephemeral: bytes, sealed: bytes) -> bytes:
        """The static public key that the initiator claims; raises OpenFailed."""
        (chaining_key,) = _kdf(self._chaining_key, ephemeral, 1)
        handshake_hash = _hash(self._hash, ephemeral)
        chaining_key, key = _kdf(chaining_key, self._static.exchange(ephemeral), 2)
        self.initiator = _open(key, sealed, handshake_hash)
        self._chaining_key, self._hash = chaining_key, _hash(handshake_hash, sealed)
        self._remote_ephemeral = ephemeral
        return self.initiator

    def read_payload(self, sealed: bytes, static_static: bytes) -> bytes:
        """The payload of message 1, which proves the static key; raises OpenFailed."""
        chaining_key, key = _kdf(self._chaining_key, static_static, 2)
        payload = _open(key, sealed, self._hash)
        self._chaining_key, self._hash = chaining_key, _hash(self._hash, sealed)
        return payload

    def write_response(
        self, payload: bytes, psk: bytes, ephemeral: bytes
    ) -> tuple[bytes, bytes, SessionKeys]:
        """(ephemeral public key, sealed payload, keys); ``ephemeral`` are 32 fresh random bytes.

        Raises OpenFailed if the initiator's keys are of small order.
        """
        own = StaticKey(ephemeral)
        (chaining_key,) = _kdf(self._chaining_key, own.public, 1)
        handshake_hash = _hash(self._hash, own.public)
        (chaining_key,) = _kdf(chaining_key, own.exchange(self._remote_ephemeral), 1)
        (chaining_key,) = _kdf(chaining_key, own.exchange(self.initiator), 1)
        chaining_key, tau, key = _kdf(chaining_key, psk, 3)
        handshake_hash = _hash(handshake_hash, tau)
        sealed = ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, payload, handshake_hash)
        receive, send = _kdf(chaining_key, b"", 2)
        keys = SessionKeys(send, receive, _hash(handshake_hash, sealed))
        return own.public, sealed, keys
