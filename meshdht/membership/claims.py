"""What a joiner signs: that the holder of an invite asks for a device to be let in.

    invite public key 32 ‖ device key 32 ‖ WireGuard key 32 ‖ name (u16 length, UTF-8)
    ‖ claimed at u64 (Unix seconds) ‖ signature 64 by the invite key ‖ signature 64 by the device

Both signatures cover all bytes before the first of them, with the contexts "join claim, invite"
and "join claim, device", and the network id.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.crypto.keys import (
    InviteKey,
    InvitePublicKey,
    NetworkId,
    SigningKey,
    VerifyKey,
    WireGuardPublicKey,
)
from meshdht.errors import BadSignature, Malformed
from meshdht.membership.names import LABEL_MAX
from meshdht.wire.buffer import Reader, Writer

SIGNATURE_SIZE = 64
_BY_INVITE = "join claim, invite"
_BY_DEVICE = "join claim, device"


@dataclass(frozen=True, slots=True)
class JoinClaim:
    """A claim; neither its name nor its signatures are judged by ``decode_claim``."""

    invite: InvitePublicKey
    device: VerifyKey
    wireguard_key: WireGuardPublicKey
    name: str
    claimed_at: int
    invite_signature: bytes
    device_signature: bytes

    @property
    def key(self) -> VerifyKey:
        """The key that it asks to let in."""
        return self.device

    def encode(self) -> bytes:
        """The bytes above."""
        unsigned = _unsigned(
            self.invite, self.device, self.wireguard_key, self.name, self.claimed_at
        )
        return unsigned + self.invite_signature + self.device_signature

    def verify(self, network: NetworkId) -> None:
        """Raise BadSignature unless invite key and device key signed it for this network, and the
        device's is a key that others can blind and box to."""
        if not self.device.is_prime_order:
            raise BadSignature("the device's key is not of prime order")
        unsigned = self.encode()[: -2 * SIGNATURE_SIZE]
        self.invite.verify(_BY_INVITE, network, unsigned, self.invite_signature)
        self.device.verify(_BY_DEVICE, network, unsigned, self.device_signature)


def make_claim(
    *,
    network: NetworkId,
    invite: InviteKey,
    device: SigningKey,
    wireguard_key: WireGuardPublicKey,
    name: str,
    claimed_at: int,
) -> JoinClaim:
    """Claim an invite for a device; ``name`` is a label (see ``names.validate_label``)."""
    public = invite.invite_public
    unsigned = _unsigned(public, device.public, wireguard_key, name, claimed_at)
    return JoinClaim(
        invite=public,
        device=device.public,
        wireguard_key=wireguard_key,
        name=name,
        claimed_at=claimed_at,
        invite_signature=invite.sign(_BY_INVITE, network, unsigned),
        device_signature=device.sign(_BY_DEVICE, network, unsigned),
    )


def decode_claim(data: bytes) -> JoinClaim:
    """Read a claim from a stranger's packet; raises Malformed."""
    reader = Reader(data)
    claim = read_claim(reader)
    reader.done()
    return claim


def read_claim(reader: Reader) -> JoinClaim:
    """Read a claim within other bytes; raises Malformed."""
    invite = InvitePublicKey(reader.take(32))
    device = VerifyKey(reader.take(32))
    wireguard_key = WireGuardPublicKey(reader.take(32))
    name = reader.text()
    if len(name) > LABEL_MAX:
        raise Malformed("a name longer than any label")
    claimed_at = reader.u64()
    invite_signature = reader.take(SIGNATURE_SIZE)
    device_signature = reader.take(SIGNATURE_SIZE)
    return JoinClaim(
        invite, device, wireguard_key, name, claimed_at, invite_signature, device_signature
    )


def _unsigned(
    invite: InvitePublicKey,
    device: VerifyKey,
    wireguard_key: WireGuardPublicKey,
    name: str,
    claimed_at: int,
) -> bytes:
    writer = Writer().raw(invite.raw).raw(device.raw).raw(wireguard_key.raw)
    return writer.text(name).u64(claimed_at).bytes()
