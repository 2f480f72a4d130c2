"""Ed25519 key blinding: a key per (device, epoch) that all members can name and one can use.

As in Tor's rend-spec-v3, appendix A.2. With A = a·B the device's key and h a scalar that
every member derives from the locator key:

    blinded public key   A' = h·A
    blinded secret       a' = h·a mod L
    signature            R = r·B,  S = r + H(R ‖ A' ‖ M)·a' mod L

The signature verifies as plain Ed25519 (RFC 8032) under A', so that a holder who knows
nothing else can check it; without h, A' of two epochs cannot be told to be of one device.
"""

from __future__ import annotations

import hashlib

from meshdht.crypto.derive import derive
from meshdht.crypto.keys import LocatorKey, Public, SigningKey, VerifyKey
from meshdht.crypto.sodium import call
from meshdht.errors import BadSignature


class BlindedPublicKey(Public):
    """A' above: an Ed25519 public key that says nothing about its device."""

    __slots__ = ()


def _reduce(wide: bytes) -> bytes:
    """64 bytes, little-endian, modulo the group order L."""
    return call("crypto_core_ed25519_scalar_reduce", 32, wide)


def _factor(locator_key: LocatorKey, epoch: int, device: VerifyKey) -> bytes:
    epoch_bytes = epoch.to_bytes(8, "big")
    return _reduce(derive(locator_key.raw, "blinding factor", epoch_bytes, device.raw, size=64))


def blind_public(locator_key: LocatorKey, epoch: int, device: VerifyKey) -> BlindedPublicKey:
    """A' of a device in an epoch; raises BadSignature if its key is not of prime order."""
    factor = _factor(locator_key, epoch, device)
    try:
        point = call("crypto_scalarmult_ed25519_noclamp", 32, factor, device.raw)
    except ValueError:
        raise BadSignature("not a usable Ed25519 key") from None
    return BlindedPublicKey(point)


def sign_blinded(
    locator_key: LocatorKey, epoch: int, device: SigningKey, message: bytes
) -> tuple[BlindedPublicKey, bytes]:
    """A' and a 64-byte signature under it. Deterministic, as RFC 8032 signatures are."""
    factor = _factor(locator_key, epoch, device.public)
    expanded = bytearray(hashlib.sha512(device.raw).digest())
    expanded[0] &= 248
    expanded[31] = (expanded[31] & 127) | 64
    scalar = _reduce(bytes(expanded[:32]) + bytes(32))
    secret = call("crypto_core_ed25519_scalar_mul", 32, factor, scalar)
    public = call("crypto_scalarmult_ed25519_base_noclamp", 32, secret)
    # The nonce must depend on the blinded key, or two epochs' signatures would give a away.
    prefix = derive(bytes(expanded[32:]), "blinded nonce", factor)
    nonce = _reduce(hashlib.sha512(prefix + message).digest())
    commitment = call("crypto_scalarmult_ed25519_base_noclamp", 32, nonce)
    challenge = _reduce(hashlib.sha512(commitment + public + message).digest())
    product = call("crypto_core_ed25519_scalar_mul", 32, challenge, secret)
    response = call("crypto_core_ed25519_scalar_add", 32, nonce, product)
    return BlindedPublicKey(public), commitment + response
