"""Joining: what travels before the joiner is a member.

    JOIN_REQUEST body  a join claim (membership), signed by the invite key and by the device
    JOIN_REPLY body    u8 outcome (1 admitted, 2 refused, 3 waiting) ‖ member's Ed25519 key (32)
                       ‖ nonce (24) ‖ XChaCha20-Poly1305(box key, nonce, content) ‖ tag (16)
    content            admitted: the hand-over (membership); refused: the reason, UTF-8;
                       waiting: nothing
    aad                outcome (1) ‖ message id (8)

Waiting means that the claim is good, and an admin has to approve it first: ask again.

The reply is boxed between the member's and the joiner's identity, so that nobody else who
holds the link or the packet key reads the network secret in it.

An anchor asks likewise: ANCHOR_REQUEST carries an anchor claim, ANCHOR_REPLY is a JOIN_REPLY whose
content, admitted, is the anchor's hand-over.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from meshdht.crypto.boxes import NONCE_SIZE, device_box_key, open_sealed, seal
from meshdht.crypto.keys import SigningKey, VerifyKey
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader

# A reply to an address that has proved nothing may not be larger than its request.
MAX_REASON_SIZE = 200


class JoinOutcome(enum.IntEnum):
    """What the member decided."""

    ADMITTED = 1
    REFUSED = 2
    WAITING = 3


@dataclass(frozen=True, slots=True)
class JoinReply:
    """An opened reply."""

    outcome: JoinOutcome
    member: VerifyKey
    content: bytes


def seal_join_reply(
    outcome: JoinOutcome,
    content: bytes,
    *,
    member: SigningKey,
    joiner: VerifyKey,
    message_id: bytes,
    nonce: bytes,
) -> bytes:
    """The body of a JOIN_REPLY or ANCHOR_REPLY; raises OpenFailed for a joiner key that is no
    usable point."""
    key = device_box_key(member, joiner)
    sealed = seal(key, nonce, content, bytes([outcome]) + message_id)
    return bytes([outcome]) + member.public.raw + nonce + sealed


def open_join_reply(body: bytes, *, joiner: SigningKey, message_id: bytes) -> JoinReply:
    """Open a JOIN_REPLY or ANCHOR_REPLY; raises OpenFailed or Malformed."""
    reader = Reader(body)
    try:
        outcome = JoinOutcome(reader.u8())
    except ValueError:
        raise Malformed("unknown outcome of a join") from None
    member = VerifyKey(reader.take(VerifyKey.SIZE))
    nonce = reader.take(NONCE_SIZE)
    key = device_box_key(joiner, member)
    content = open_sealed(key, nonce, reader.rest(), bytes([outcome]) + message_id)
    return JoinReply(outcome, member, content)


def encode_reason(reason: str) -> bytes:
    """A refusal's text, cut to what fits the reply."""
    return reason.encode()[:MAX_REASON_SIZE].decode(errors="ignore").encode()


def decode_reason(content: bytes) -> str:
    """A refusal's text, safe to print: whoever holds the packet key may have written it."""
    text = content[:MAX_REASON_SIZE].decode(errors="replace")
    return "".join(char if char.isprintable() else "?" for char in text)
