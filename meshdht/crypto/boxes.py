"""Sealed bodies: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), keys and nonces explicit."""

from __future__ import annotations

from functools import lru_cache

from meshdht.crypto.derive import derive
from meshdht.crypto.keys import Secret, SigningKey, VerifyKey
from meshdht.crypto.sodium import libnacl
from meshdht.errors import OpenFailed
from meshdht.limits import KEYS_REMEMBERED

NONCE_SIZE = 24
TAG_SIZE = 16


def seal(key: Secret, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
    """Ciphertext ‖ tag (16 bytes). The 24-byte nonce must be fresh for this key."""
    return bytes(libnacl.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, nonce, key.raw))


def open_sealed(key: Secret, nonce: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes:
    """The plaintext; raises OpenFailed for anything that ``seal`` did not make."""
    if len(ciphertext) < TAG_SIZE or len(nonce) != NONCE_SIZE:
        raise OpenFailed("too short to be sealed")
    try:
        opened = libnacl.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, aad, nonce, key.raw)
    except ValueError:
        raise OpenFailed("does not open under this key") from None
    return bytes(opened)


class BoxKey(Secret):
    """Shared by exactly two devices."""

    __slots__ = ()


# As long as the X25519 itself; of each key it is needed for the path and for the DHT.
@lru_cache(KEYS_REMEMBERED)
def _on_curve25519(public: bytes) -> bytes:
    return bytes(libnacl.crypto_sign_ed25519_pk_to_curve25519(public))


def device_box_key(own: SigningKey, other: VerifyKey) -> BoxKey:
    """The key that seals bodies between two devices; the same from either side.

    X25519 (RFC 7748) between their Ed25519 identities, mapped to Curve25519 as libsodium
    does, then hashed with both public keys. A body that opens under it was sealed by one of
    the two. Raises OpenFailed for a public key outside the curve's prime-order group.
    """
    try:
        secret = libnacl.crypto_sign_ed25519_sk_to_curve25519(own.expanded)
        public = _on_curve25519(other.raw)
        shared = libnacl.crypto_box_beforenm(public, secret)
    except (ValueError, libnacl.CryptError):
        raise OpenFailed("not a usable public key") from None
    low, high = sorted((own.public.raw, other.raw))
    return BoxKey(derive(shared, "device box", low, high))
