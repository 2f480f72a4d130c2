"""What an anchor signs: that the holder of an anchor's invite asks for a key to be known as one.

    invite public key 32 ‖ anchor key 32 ‖ name (u16 length, UTF-8) ‖ claimed at u64 (Unix seconds)
    ‖ signature 64 by the invite key ‖ signature 64 by the anchor

Both signatures cover all bytes before the first of them, with the contexts "anchor claim, invite"
and "anchor claim, anchor". The network id that they cover is zeros, since an anchor is not told
it: the invite key, which is logged in one network, stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.crypto.keys import InviteKey, InvitePublicKey, NetworkId, SigningKey, VerifyKey
from meshdht.errors import BadSignature, Malformed
from meshdht.membership.names import LABEL_MAX
from meshdht.wire.buffer import Reader, Writer

SIGNATURE_SIZE = 64
UNTOLD_NETWORK = NetworkId(bytes(32))
_BY_INVITE = "anchor claim, invite"
_BY_ANCHOR = "anchor claim, anchor"


@dataclass(frozen=True, slots=True)
class AnchorClaim:
    """A claim; neither its name nor its signatures are judged by ``decode_anchor_claim``."""

    invite: InvitePublicKey
    anchor: VerifyKey
    name: str
    claimed_at: int
    invite_signature: bytes
    anchor_signature: bytes

    @property
    def key(self) -> VerifyKey:
        """The key that it asks to let in."""
        return self.anchor

    def encode(self) -> bytes:
        """The bytes above."""
        unsigned = _unsigned(self.invite, self.anchor, self.name, self.claimed_at)
        return unsigned + self.invite_signature + self.anchor_signature

    def verify(self) -> None:
        """Raise BadSignature unless invite key and anchor key signed it, and the anchor's is a key
        that others can box to."""
        if not self.anchor.is_prime_order:
            raise BadSignature("the anchor's key is not of prime order")
        unsigned = self.encode()[: -2 * SIGNATURE_SIZE]
        self.invite.verify(_BY_INVITE, UNTOLD_NETWORK, unsigned, self.invite_signature)
        self.anchor.verify(_BY_ANCHOR, UNTOLD_NETWORK, unsigned, self.anchor_signature)


def make_anchor_claim(
    *, invite: InviteKey, anchor: SigningKey, name: str, claimed_at: int
) -> AnchorClaim:
    """Claim an invite for an anchor; ``name`` is a label (see ``names.validate_label``)."""
    public = invite.invite_public
    unsigned = _unsigned(public, anchor.public, name, claimed_at)
    return AnchorClaim(
        invite=public,
        anchor=anchor.public,
        name=name,
        claimed_at=claimed_at,
        invite_signature=invite.sign(_BY_INVITE, UNTOLD_NETWORK, unsigned),
        anchor_signature=anchor.sign(_BY_ANCHOR, UNTOLD_NETWORK, unsigned),
    )


def decode_anchor_claim(data: bytes) -> AnchorClaim:
    """Read a claim from a stranger's packet; raises Malformed."""
    reader = Reader(data)
    claim = read_anchor_claim(reader)
    reader.done()
    return claim


def read_anchor_claim(reader: Reader) -> AnchorClaim:
    """Read a claim within other bytes; raises Malformed."""
    invite = InvitePublicKey(reader.take(InvitePublicKey.SIZE))
    anchor = VerifyKey(reader.take(VerifyKey.SIZE))
    name = reader.text()
    if len(name) > LABEL_MAX:
        raise Malformed("a name longer than any label")
    claimed_at = reader.u64()
    invite_signature = reader.take(SIGNATURE_SIZE)
    anchor_signature = reader.take(SIGNATURE_SIZE)
    return AnchorClaim(invite, anchor, name, claimed_at, invite_signature, anchor_signature)


def _unsigned(invite: InvitePublicKey, anchor: VerifyKey, name: str, claimed_at: int) -> bytes:
    writer = Writer().raw(invite.raw).raw(anchor.raw)
    return writer.text(name).u64(claimed_at).bytes()
