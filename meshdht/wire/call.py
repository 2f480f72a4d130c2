"""What a call says: boxed from the caller to the callee, whoever carries it on.

    box       = nonce (24) ‖ XChaCha20-Poly1305(box key, nonce, plaintext) ‖ tag (16)
    plaintext = u64 date, Unix milliseconds ‖ u8 flags: 1 it answers a call
                ‖ u8 n ≤ 8 ‖ n × endpoint, padded with zeros to 168 bytes
    aad       = "call" ‖ caller (20) ‖ callee (20)

All boxes have one size, so that who carries one learns nothing of how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, BoxKey, open_sealed, seal
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import CALL_ENDPOINTS_MAX
from meshdht.wire.buffer import Reader, Writer

PLAINTEXT_SIZE = 168
BOX_SIZE = NONCE_SIZE + PLAINTEXT_SIZE + TAG_SIZE
_ANSWER = 1


@dataclass(frozen=True, slots=True)
class CallContent:
    """What the callee reads."""

    date_ms: int
    """The caller's network time, Unix milliseconds."""
    is_answer: bool
    """The sender was called itself, and answers."""
    endpoints: Sequence[Endpoint]
    """Where the sender may be reached, and probes from; at most CALL_ENDPOINTS_MAX."""


def _aad(caller: DeviceId, callee: DeviceId) -> bytes:
    return b"call" + caller.raw + callee.raw


def seal_call(
    key: BoxKey, nonce: bytes, caller: DeviceId, callee: DeviceId, content: CallContent
) -> bytes:
    """The box of a CALL."""
    endpoints = content.endpoints[:CALL_ENDPOINTS_MAX]
    writer = Writer().u64(content.date_ms).u8(_ANSWER * content.is_answer).u8(len(endpoints))
    for endpoint in endpoints:
        writer.endpoint(endpoint)
    plaintext = writer.bytes().ljust(PLAINTEXT_SIZE, b"\0")
    return nonce + seal(key, nonce, plaintext, _aad(caller, callee))


def open_call(key: BoxKey, box: bytes, caller: DeviceId, callee: DeviceId) -> CallContent:
    """What the box says; raises OpenFailed or Malformed."""
    nonce, sealed = box[:NONCE_SIZE], box[NONCE_SIZE:]
    reader = Reader(open_sealed(key, nonce, sealed, _aad(caller, callee)))
    date_ms, flags, count = reader.u64(), reader.u8(), reader.u8()
    if count > CALL_ENDPOINTS_MAX:
        raise Malformed("a call names too many endpoints")
    endpoints = tuple(reader.endpoint() for _ in range(count))
    return CallContent(date_ms, bool(flags & _ANSWER), endpoints)
