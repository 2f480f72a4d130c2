"""One class per key role, so that no key can stand where another belongs.

A secret shows only its role in ``repr``, and compares in constant time.
"""

from __future__ import annotations

import base64
import hmac
from functools import lru_cache
from typing import ClassVar, Self

from meshdht.clock import Entropy
from meshdht.crypto.derive import derive, digest, message_digest
from meshdht.crypto.sodium import libnacl
from meshdht.errors import BadSignature, Malformed
from meshdht.limits import KEYS_REMEMBERED, SIGNATURES_REMEMBERED


class FixedBytes:
    """Bytes of one length in one role. Raises Malformed for any other length."""

    SIZE: ClassVar[int] = 32
    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != self.SIZE:
            raise Malformed(f"{type(self).__name__} has {self.SIZE} bytes, not {len(raw)}")
        self.raw = bytes(raw)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and hmac.compare_digest(
            self.raw,
            other.raw,
        )

    def __hash__(self) -> int:
        return hash(self.raw)


class Public(FixedBytes):
    """A value that may be shown, and that need not be compared in constant time."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.raw == other.raw

    __hash__ = FixedBytes.__hash__

    def __lt__(self, other: Self) -> bool:
        return self.raw < other.raw

    def __str__(self) -> str:
        return base64.b64encode(self.raw).decode()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"


class Secret(FixedBytes):
    """A value that is never shown."""

    __slots__ = ()

    @classmethod
    def generate(cls, entropy: Entropy) -> Self:
        return cls(entropy.token(cls.SIZE))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class NetworkId(Public):
    """Hash of the genesis statement."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.raw.hex()


class DeviceId(Public):
    """Hash of a device's Ed25519 key: 20 bytes, the device's id in the DHT too (160 bits)."""

    SIZE: ClassVar[int] = 20
    __slots__ = ()

    def __str__(self) -> str:
        return base64.b32encode(self.raw).decode().lower()

    @classmethod
    def parse(cls, text: str) -> DeviceId:
        """Read the 32 base32 characters of ``str(device_id)``; raises Malformed."""
        try:
            return cls(base64.b32decode(text.upper()))
        except ValueError:
            raise Malformed(f"not a device id: {text!r}") from None


def _signed_bytes(context: str, network: NetworkId, message: bytes) -> bytes:
    """What is signed: 32 bytes that bind context and network, then the message itself."""
    return digest("signature", context.encode(), network.raw) + message


class VerifyKey(Public):
    """The public half of a device's identity (Ed25519, RFC 8032)."""

    __slots__ = ()

    def verify(self, context: str, network: NetworkId, message: bytes, signature: bytes) -> None:
        """Raise BadSignature unless ``signature`` (64 bytes) is this key's over the message."""
        verify_ed25519(self.raw, _signed_bytes(context, network, message), signature)

    @property
    def is_prime_order(self) -> bool:
        """Whether the key is a canonical point of the prime-order group.

        Signatures can be made to verify under a key of mixed order, but it can be neither blinded
        nor boxed to (libsodium's crypto_core_ed25519_is_valid_point).
        """
        return bool(libnacl.nacl.crypto_core_ed25519_is_valid_point(self.raw))

    @property
    def device_id(self) -> DeviceId:
        return _device_id(self.raw)


# Asked for with every packet.
@lru_cache(KEYS_REMEMBERED)
def _device_id(key: bytes) -> DeviceId:
    return DeviceId(digest("device id", key, size=DeviceId.SIZE))


class SigningKey(Secret):
    """A device's identity: the 32-byte seed of an Ed25519 key."""

    __slots__ = ("expanded", "public")

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        public, self.expanded = libnacl.crypto_sign_seed_keypair(self.raw)
        self.public = VerifyKey(public)

    @property
    def log_key(self) -> LogKey:
        return LogKey(derive(self.raw, "log key"))

    def sign(self, context: str, network: NetworkId, message: bytes) -> bytes:
        """A 64-byte signature that covers the context, the network and the message."""
        signed = _signed_bytes(context, network, message)
        return bytes(libnacl.crypto_sign_detached(signed, self.expanded))


class LogKey(Secret):
    """Marks the statements on this device's disk whose signatures it has verified: who can read
    the key can sign as the device."""

    __slots__ = ()

    def mark(self, statement: bytes) -> bytes:
        """The 32 bytes that are stored beside a statement."""
        return derive(self.raw, "verified statement", message_digest("statement", statement))

    def has_marked(self, statement: bytes, mark: bytes | None) -> bool:
        return mark is not None and hmac.compare_digest(self.mark(statement), mark)


class InvitePublicKey(VerifyKey):
    """What the membership log holds of an invite."""

    __slots__ = ()


class InviteKey(SigningKey):
    """What the link holds of an invite."""

    __slots__ = ()

    @property
    def invite_public(self) -> InvitePublicKey:
        return InvitePublicKey(self.public.raw)


class RecoveryKey(SigningKey):
    """Makes a device an admin when no other is left. It is on paper, and on no disk."""

    __slots__ = ()


class WireGuardPublicKey(Public):
    """X25519 public key (RFC 7748); ``str`` is the base64 that WireGuard's tools print."""

    __slots__ = ()


class WireGuardPrivateKey(Secret):
    """X25519 private key of a device's tunnels."""

    __slots__ = ("public",)

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.public = WireGuardPublicKey(libnacl.crypto_scalarmult_base(self.raw))


class PresharedKey(Secret):
    """Mixed into the handshake of one pair of devices (WireGuard paper, section 5.4.6)."""

    __slots__ = ()


class PacketKey(Secret):
    """Seals control packets: all that an anchor or an invitee holds."""

    __slots__ = ()


class LocatorKey(Secret):
    """Blinds device keys into locators."""

    __slots__ = ()


class RecordKey(Secret):
    """Seals endpoint records."""

    __slots__ = ()


class GossipKey(Secret):
    """Seals gossip and the membership log, which anchors must not read."""

    __slots__ = ()


class EpochKey(Secret):
    """Gives the network's epoch offset."""

    __slots__ = ()


class AnchorWelcome(Secret):
    """What a member answers an anchor's claim with, and nobody who is none can."""

    SIZE: ClassVar[int] = 16
    __slots__ = ()


class BeaconKey(Secret):
    """Seals what devices say on their LAN in one epoch."""

    __slots__ = ()


class NetworkSecret(Secret):
    """32 random bytes a generation; every symmetric key comes from it, one way."""

    __slots__ = ()

    @property
    def packet_key(self) -> PacketKey:
        return PacketKey(derive(self.raw, "packet key"))

    @property
    def locator_key(self) -> LocatorKey:
        return LocatorKey(derive(self.raw, "locator key"))

    @property
    def record_key(self) -> RecordKey:
        return RecordKey(derive(self.raw, "record key"))

    @property
    def gossip_key(self) -> GossipKey:
        return GossipKey(derive(self.raw, "gossip key"))

    @property
    def epoch_key(self) -> EpochKey:
        return EpochKey(derive(self.raw, "epoch key"))

    def beacon_key(self, epoch: int) -> BeaconKey:
        return BeaconKey(derive(self.raw, "beacon key", epoch.to_bytes(8, "big")))

    def anchor_welcome(self, invite: InvitePublicKey) -> AnchorWelcome:
        """The word by which the anchor that this invite lets in knows a member."""
        raw = derive(self.raw, "anchor welcome", invite.raw, size=AnchorWelcome.SIZE)
        return AnchorWelcome(raw)

    def preshared_key(self, one: WireGuardPublicKey, other: WireGuardPublicKey) -> PresharedKey:
        """The same key from either side of the pair."""
        low, high = sorted((one.raw, other.raw))
        return PresharedKey(derive(self.raw, "wireguard psk", low, high))


# A record reaches us by gossip, as its holder and as its reader. What does not verify raises, and
# is not remembered.
@lru_cache(SIGNATURES_REMEMBERED)
def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> None:
    """Verify a plain Ed25519 signature (RFC 8032); raises BadSignature."""
    try:
        libnacl.crypto_sign_verify_detached(signature, message, public)
    except ValueError:
        raise BadSignature("the signature does not verify") from None
