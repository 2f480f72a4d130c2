"""Device keys outside the curve's prime-order group, and signatures that verify under them.

With T the point of order 2, A' = A + T is such a key. S·B = R + h·A' holds for the signature that
A's owner makes whenever the challenge h is even, so that a few tries give one.
"""

from __future__ import annotations

import hashlib

from meshdht.crypto.keys import InviteKey, NetworkId, SigningKey, VerifyKey, _signed_bytes
from meshdht.crypto.sodium import call
from meshdht.errors import BadSignature
from meshdht.membership.claims import _BY_DEVICE, _BY_INVITE, JoinClaim, _unsigned
from tests.membership.household import wireguard_key

# y = -1: x = 0.
_ORDER_2 = (2**255 - 20).to_bytes(32, "little")


def _reduce(wide: bytes) -> bytes:
    return call("crypto_core_ed25519_scalar_reduce", 32, wide)


def mixed_key(owner: SigningKey) -> VerifyKey:
    """A + T."""
    return VerifyKey(call("crypto_core_ed25519_add", 32, owner.public.raw, _ORDER_2))


def mixed_signature(owner: SigningKey, context: str, network: NetworkId, message: bytes) -> bytes:
    """A signature that verifies under ``mixed_key(owner)``."""
    key = mixed_key(owner)
    signed = _signed_bytes(context, network, message)
    expanded = bytearray(hashlib.sha512(owner.raw).digest())
    expanded[0] &= 248
    expanded[31] = (expanded[31] & 127) | 64
    secret = _reduce(bytes(expanded[:32]) + bytes(32))
    for attempt in range(64):
        nonce = _reduce(hashlib.sha512(owner.raw + bytes([attempt]) + signed).digest())
        commitment = call("crypto_scalarmult_ed25519_base_noclamp", 32, nonce)
        challenge = _reduce(hashlib.sha512(commitment + key.raw + signed).digest())
        product = call("crypto_core_ed25519_scalar_mul", 32, challenge, secret)
        signature = commitment + call("crypto_core_ed25519_scalar_add", 32, nonce, product)
        try:
            key.verify(context, network, message, signature)
        except BadSignature:
            continue
        return signature
    raise AssertionError("no even challenge in 64 tries")


def mixed_claim(network: NetworkId, invite: InviteKey, owner: SigningKey, unix: int) -> JoinClaim:
    """A claim with genuine signatures for a device whose key is A + T."""
    key = mixed_key(owner)
    public = invite.invite_public
    unsigned = _unsigned(public, key, wireguard_key(40), "evil", unix)
    return JoinClaim(
        invite=public,
        device=key,
        wireguard_key=wireguard_key(40),
        name="evil",
        claimed_at=unix,
        invite_signature=invite.sign(_BY_INVITE, network, unsigned),
        device_signature=mixed_signature(owner, _BY_DEVICE, network, unsigned),
    )
