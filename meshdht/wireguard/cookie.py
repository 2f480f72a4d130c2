"""mac1, mac2 and the cookie reply (paper, sections 5.3, 5.4.4 and 5.4.7).

mac1 proves that the sender knows our static public key: without it there is silence. Under
load a handshake message must also carry mac2, made with a cookie that only the holder of its
source address can have received.
"""

from __future__ import annotations

import hashlib
import hmac

from meshdht.clock import Entropy
from meshdht.crypto.boxes import open_sealed, seal
from meshdht.crypto.keys import Secret
from meshdht.endpoint import Endpoint
from meshdht.wireguard.constants import (
    COOKIE_LIFETIME_S,
    COOKIE_NONCE_SIZE,
    KEY_SIZE,
    LABEL_COOKIE,
    LABEL_MAC1,
    MAC_SIZE,
)
from meshdht.wireguard.messages import MACS_SIZE, CookieReply

_NO_MAC = bytes(MAC_SIZE)


class CookieKey(Secret):
    """Seals cookie replies; anybody who knows the sender's static public key can derive it."""

    __slots__ = ()


def _mac(key: bytes, *parts: bytes) -> bytes:
    """Mac() of the paper: keyed BLAKE2s (RFC 7693) with 16 bytes of output."""
    return hashlib.blake2s(b"".join(parts), key=key, digest_size=MAC_SIZE).digest()


def mac1_key(public: bytes) -> bytes:
    """The key of mac1 on messages to the holder of the static key ``public``."""
    return hashlib.blake2s(LABEL_MAC1 + public).digest()


def cookie_key(public: bytes) -> CookieKey:
    """The key of cookie replies from the holder of the static key ``public``."""
    return CookieKey(hashlib.blake2s(LABEL_COOKIE + public).digest())


class CookieChecker:
    """The receiver's side: judges MACs and writes cookie replies."""

    __slots__ = ("_cookie_key", "_entropy", "_mac1_key", "_secret", "_secret_until")

    def __init__(self, public: bytes, entropy: Entropy) -> None:
        self._mac1_key = mac1_key(public)
        self._cookie_key = cookie_key(public)
        self._entropy = entropy
        self._secret = b""
        self._secret_until = 0.0

    def mac1_is_valid(self, message: bytes) -> bool:
        """Whether a whole initiation or response names our static key."""
        expected = _mac(self._mac1_key, message[:-MACS_SIZE])
        return hmac.compare_digest(expected, message[-MACS_SIZE:-MAC_SIZE])

    def mac2_is_valid(self, message: bytes, source: Endpoint, now: float) -> bool:
        """Whether the message was made with a cookie that we sent to ``source`` lately."""
        expected = _mac(self._cookie(source, now), message[:-MAC_SIZE])
        return hmac.compare_digest(expected, message[-MAC_SIZE:])

    def reply(self, message: bytes, sender: int, source: Endpoint, now: float) -> bytes:
        """The cookie reply (64 bytes) to a message that came from ``source``."""
        nonce = self._entropy.token(COOKIE_NONCE_SIZE)
        mac1 = message[-MACS_SIZE:-MAC_SIZE]
        sealed = seal(self._cookie_key, nonce, self._cookie(source, now), mac1)
        return CookieReply(sender, nonce, sealed).encode()

    def _cookie(self, source: Endpoint, now: float) -> bytes:
        if not self._secret or now >= self._secret_until:
            self._secret = self._entropy.token(KEY_SIZE)
            self._secret_until = now + COOKIE_LIFETIME_S
        return _mac(self._secret, str(source).encode())


class CookieJar:
    """The sender's side, one a peer: stamps messages and keeps the peer's latest cookie."""

    __slots__ = ("_cookie", "_cookie_key", "_cookie_until", "_last_mac1", "_mac1_key")

    def __init__(self, remote_public: bytes) -> None:
        self._mac1_key = mac1_key(remote_public)
        self._cookie_key = cookie_key(remote_public)
        self._cookie = b""
        self._cookie_until = 0.0
        self._last_mac1 = b""

    def stamp(self, body: bytes, now: float) -> bytes:
        """The body with mac1 and mac2 behind it; mac2 is zero without a fresh cookie."""
        self._last_mac1 = _mac(self._mac1_key, body)
        message = body + self._last_mac1
        if not self._cookie or now >= self._cookie_until:
            return message + _NO_MAC
        return message + _mac(self._cookie, message)

    def take(self, reply: CookieReply, now: float) -> None:
        """Keep the cookie of a reply to the last stamped message; raises OpenFailed."""
        cookie = open_sealed(self._cookie_key, reply.nonce, reply.cookie, self._last_mac1)
        self._cookie = cookie
        self._cookie_until = now + COOKIE_LIFETIME_S
