"""Asking to be let in by an anchor's relay, which learns neither who asks nor by what invite.

    meeting key = derive(invite public key (32), "invite meeting", network id (32), size 32)

Members have it from the log, the joiner from its link; an anchor from nowhere: it sees neither. The
two sides bind at the relay by it (wire/relay.py, slots 0 to 3) as two members do by their box key:
a joiner in the first or, where another one is there, in any of them; members in the first, or for
an invite of several uses in each.
Through the port that they are lent goes

    JOIN_SEALED body = nonce (24) ‖ XChaCha20-Poly1305(meeting key, nonce, claim) ‖ tag (16)
    claim            = u16 size ‖ a join claim (membership) ‖ zeros up to 302 bytes
    aad              = "join sealed" ‖ message id (8)

which is answered as a JOIN_REQUEST is.
"""

from __future__ import annotations

from meshdht.crypto.boxes import NONCE_SIZE, BoxKey, open_sealed, seal
from meshdht.crypto.derive import derive
from meshdht.crypto.keys import InvitePublicKey, NetworkId
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer

MEETING_SLOTS = 4
# A claim by the longest name has 297 bytes: how long this one is shows nothing.
CONTENT_SIZE = 302
_CONTEXT = b"join sealed"


def meeting_key(network: NetworkId, invite: InvitePublicKey) -> BoxKey:
    """What a joiner and the members share."""
    return BoxKey(derive(invite.raw, "invite meeting", network.raw, size=32))


def seal_claim(key: BoxKey, nonce: bytes, claim: bytes, message_id: bytes) -> bytes:
    """The body of a JOIN_SEALED."""
    content = Writer().var(claim).bytes().ljust(CONTENT_SIZE, b"\0")
    return nonce + seal(key, nonce, content, _CONTEXT + message_id)


def open_claim(key: BoxKey, body: bytes, message_id: bytes) -> bytes:
    """The claim; raises OpenFailed or Malformed."""
    nonce, sealed = body[:NONCE_SIZE], body[NONCE_SIZE:]
    reader = Reader(open_sealed(key, nonce, sealed, _CONTEXT + message_id))
    claim = reader.var()
    if any(reader.rest()):
        raise Malformed("a sealed claim that says more than it should")
    return claim
