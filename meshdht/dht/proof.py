"""Who says so: every reply shows that the holder of its sender's id wrote it.

Whoever holds the packet key can write any id into a control packet. So the first request to a
node asks for a *reply key*, which comes sealed so that only the holder of that id's Ed25519 key
can have sent it and only the requester can read it; every later reply has a tag under that key.

    request  u8 type ‖ … ‖ verify key 32          type | 0x40: send me the reply key
             u8 type ‖ … ‖ tag 8                  type | 0x20: the reply key is known
    reply    u8 type ‖ … ‖ verify key 32 ‖ sealed reply key 32       type | 0x40
             u8 type ‖ … ‖ tag 8

    reply key = derive(replier's seed, "dht reply key", packet key, requester, size 16)
    proof key = derive(box key of the two, "dht proof", packet key, requester, replier,
                       message id, request, reply up to here)
    sealed    = seal(proof key, zeros 24, reply key)
    tag       = derive(reply key, "dht reply", message id, request, reply up to here, size 8)
    request's = derive(reply key, "dht request", message id, request up to here, size 8)

Requester and replier are node ids, each the hash of its verify key; request and reply are bodies
as they are sent. A replier keeps nothing for this: the reply key is computed again from the
requester's id. What an insider passes on between two nodes it can delay or drop, not change.

Only the two know the reply key, so that a tag under it shows the replier whose a request is.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from functools import lru_cache

from meshdht.crypto.boxes import (
    NONCE_SIZE,
    TAG_SIZE,
    BoxKey,
    device_box_key,
    open_sealed,
    seal,
)
from meshdht.crypto.derive import derive
from meshdht.crypto.keys import PacketKey, SigningKey, VerifyKey
from meshdht.errors import BadSignature, Malformed
from meshdht.limits import DHT_BOX_KEYS, DHT_REPLY_KEYS

ASKS = 0x40
"""In a request's type: the reply key is asked for; in a reply's: here it is."""
TAGGED = 0x20
"""In a request's type: it ends in a tag."""
REPLY_TAG_SIZE = 8
_REPLY_KEY_SIZE = 16
_SEALED_SIZE = _REPLY_KEY_SIZE + TAG_SIZE
PROOF_SIZE = VerifyKey.SIZE + _SEALED_SIZE
# Each key seals once: what it seals, and to whom, is hashed into it.
_NONCE = bytes(NONCE_SIZE)


class Proof:
    """One node's proofs: gives its own, checks and remembers those of others."""

    def __init__(self, signing: SigningKey, packet_key: PacketKey) -> None:
        self._signing = signing
        self._packet_key = packet_key.raw
        self.own_id = signing.public.device_id.raw
        self._box_keys: OrderedDict[VerifyKey, BoxKey] = OrderedDict()
        self._reply_keys: OrderedDict[bytes, bytes] = OrderedDict()
        self._reply_key_for = lru_cache(DHT_REPLY_KEYS)(self._compute_reply_key)

    def rekey(self, packet_key: PacketKey) -> None:
        """Another packet key: all reply keys, ours and theirs, are others."""
        self._packet_key = packet_key.raw
        self._reply_keys.clear()
        self._reply_key_for.cache_clear()

    def _compute_reply_key(self, requester: bytes) -> bytes:
        seed = self._signing.raw
        parts = (self._packet_key, requester)
        return derive(seed, "dht reply key", *parts, size=_REPLY_KEY_SIZE)

    # --- the requester -----------------------------------------------------------------------

    def has(self, node_id: bytes) -> bool:
        """Whether this node's replies can be told from others' by their tag."""
        return node_id in self._reply_keys

    def asking(self, request: bytes) -> bytes:
        """The request that asks for the reply key as well."""
        return bytes([request[0] | ASKS]) + request[1:] + self._signing.public.raw

    def tagged(self, request: bytes, message_id: bytes, node_id: bytes) -> bytes:
        """The request with what shows a node whose reply key is known that it is ours."""
        head = bytes([request[0] | TAGGED]) + request[1:]
        return head + _request_tag(self._reply_keys[node_id], message_id, head)

    def checked(self, reply: bytes, request: bytes, message_id: bytes, sender: bytes) -> bytes:
        """The reply without its proof, if the holder of the id ``sender`` wrote it in answer to
        ``request`` as it was sent; else raises RemoteError."""
        if not reply:
            raise Malformed("an empty reply")
        if reply[0] & ASKS:
            return self._take_proof(reply, request, message_id, sender)
        key = self._reply_keys.get(sender)
        head, tag = reply[:-REPLY_TAG_SIZE], reply[-REPLY_TAG_SIZE:]
        if key is None or not hmac.compare_digest(tag, _tag(key, message_id, request, head)):
            raise BadSignature("a reply that its sender did not write")
        self._reply_keys.move_to_end(sender)
        return head

    def _take_proof(self, reply: bytes, request: bytes, message_id: bytes, sender: bytes) -> bytes:
        if len(reply) <= PROOF_SIZE:
            raise Malformed("a proof cut short")
        head, sealed = reply[:-_SEALED_SIZE], reply[-_SEALED_SIZE:]
        key = VerifyKey(head[-VerifyKey.SIZE :])
        if key.device_id.raw != sender:
            raise BadSignature("the key is another id's")
        proof_key = self._proof_key(key, (self.own_id, sender, message_id, request, head))
        self._reply_keys[sender] = open_sealed(proof_key, _NONCE, sealed)
        if len(self._reply_keys) > DHT_REPLY_KEYS:
            self._reply_keys.popitem(last=False)
        return bytes([head[0] & ~ASKS]) + head[1 : -VerifyKey.SIZE]

    # --- the replier -------------------------------------------------------------------------

    def is_costly(self, key: VerifyKey) -> bool:
        """Whether to prove ourselves to this key takes an X25519."""
        return key not in self._box_keys

    def wrote(self, requester: bytes, request: bytes, message_id: bytes) -> bool:
        """Whether the request, as it was sent, shows that the holder of this id wrote it."""
        if not request[0] & TAGGED:
            return False
        head, tag = request[:-REPLY_TAG_SIZE], request[-REPLY_TAG_SIZE:]
        expected = _request_tag(self._reply_key_for(requester), message_id, head)
        return hmac.compare_digest(tag, expected)

    def proved(
        self,
        reply: bytes,
        request: bytes,
        message_id: bytes,
        requester: bytes,
        key: VerifyKey | None,
    ) -> bytes:
        """The reply with what proves it. ``key``: the requester's, if it asked for the reply key.
        Raises OpenFailed for a key that is none."""
        reply_key = self._reply_key_for(requester)
        if key is None:
            return reply + _tag(reply_key, message_id, request, reply)
        head = bytes([reply[0] | ASKS]) + reply[1:] + self._signing.public.raw
        proof_key = self._proof_key(key, (requester, self.own_id, message_id, request, head))
        return head + seal(proof_key, _NONCE, reply_key)

    def _proof_key(self, other: VerifyKey, parts: tuple[bytes, ...]) -> BoxKey:
        box_key = self._box_keys.get(other)
        if box_key is None:
            box_key = self._box_keys[other] = device_box_key(self._signing, other)
            if len(self._box_keys) > DHT_BOX_KEYS:
                self._box_keys.popitem(last=False)
        else:
            self._box_keys.move_to_end(other)
        return BoxKey(derive(box_key.raw, "dht proof", self._packet_key, *parts))


def _tag(reply_key: bytes, message_id: bytes, request: bytes, reply: bytes) -> bytes:
    return derive(reply_key, "dht reply", message_id, request, reply, size=REPLY_TAG_SIZE)


def _request_tag(key: bytes, message_id: bytes, head: bytes) -> bytes:
    return derive(key, "dht request", message_id, head, size=REPLY_TAG_SIZE)


def split_request(body: bytes, sender: bytes) -> tuple[bytes, VerifyKey | None]:
    """The plain request, and the requester's key if it asks for the reply key. Raises
    RemoteError if that key is not the sender's."""
    if body and body[0] & (ASKS | TAGGED) == TAGGED:
        if len(body) <= REPLY_TAG_SIZE:
            raise Malformed("a request without the tag that it speaks of")
        return bytes([body[0] & ~TAGGED]) + body[1:-REPLY_TAG_SIZE], None
    if not body or not body[0] & ASKS:
        return body, None
    if len(body) <= VerifyKey.SIZE:
        raise Malformed("a request without the key that it speaks of")
    key = VerifyKey(body[-VerifyKey.SIZE :])
    if key.device_id.raw != sender:
        raise BadSignature("the key is another id's")
    return bytes([body[0] & ~ASKS]) + body[1 : -VerifyKey.SIZE], key
