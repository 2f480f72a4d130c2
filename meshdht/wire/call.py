"""What a call says: boxed from the caller to the callee, whoever carries it on.

    box       = nonce (24) ‖ XChaCha20-Poly1305(box key, nonce, plaintext) ‖ tag (16)
    plaintext = u64 date, Unix milliseconds ‖ u8 flags: 1 it answers a call, 2 needed
                ‖ u8 NAT behaviour, as in the sender's record
                ‖ u8 n ≤ 8 ‖ n × endpoint
                ‖ u8 m ≤ 3 ‖ m × (relay (20) ‖ endpoint ‖ u32 slot ‖ u16 delay)
                padded with zeros to 304 bytes
    aad       = "call" ‖ caller (20) ‖ callee (20)

``delay``: the sender's round trip to the relay in ms, 65535 if it has none. The sender binds at
these relays (wire/relay.py), and asks the reader to.

All boxes have one size, so that who carries one learns nothing of how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, BoxKey, open_sealed, seal
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import CALL_ENDPOINTS_MAX, CALL_RELAYS_MAX
from meshdht.wire.buffer import Reader, Writer

PLAINTEXT_SIZE = 304
BOX_SIZE = NONCE_SIZE + PLAINTEXT_SIZE + TAG_SIZE
_ANSWER, _NEEDED = 1, 2
_UNKNOWN_DELAY = 65535


@dataclass(frozen=True, slots=True)
class RelayHint:
    """A relay where the sender of a call binds."""

    relay: DeviceId
    """Of the device or anchor that relays."""
    endpoint: Endpoint
    """Its main port, as the sender reaches it."""
    slot: int
    """What the token is made with."""
    delay_s: float | None = None
    """The sender's round trip to it."""


@dataclass(frozen=True, slots=True)
class CallContent:
    """What the callee reads."""

    date_ms: int
    """The caller's network time, Unix milliseconds."""
    is_answer: bool
    """The sender was called itself, and answers."""
    endpoints: Sequence[Endpoint]
    """Where the sender may be reached, and probes from; at most CALL_ENDPOINTS_MAX."""
    relays: Sequence[RelayHint] = ()
    """At most CALL_RELAYS_MAX."""
    nat: int = 0
    """How the NAT on the sender's side behaves: a code of the endpoint record."""
    is_needed: bool = False
    """Somebody waits for the path: much may be tried to get it (paths/birthday.py)."""


def _aad(caller: DeviceId, callee: DeviceId) -> bytes:
    return b"call" + caller.raw + callee.raw


def seal_call(
    key: BoxKey, nonce: bytes, caller: DeviceId, callee: DeviceId, content: CallContent
) -> bytes:
    """The box of a CALL."""
    endpoints = content.endpoints[:CALL_ENDPOINTS_MAX]
    flags = _ANSWER * content.is_answer + _NEEDED * content.is_needed
    writer = Writer().u64(content.date_ms).u8(flags).u8(content.nat).u8(len(endpoints))
    for endpoint in endpoints:
        writer.endpoint(endpoint)
    relays = content.relays[:CALL_RELAYS_MAX]
    writer.u8(len(relays))
    for hint in relays:
        writer.raw(hint.relay.raw).endpoint(hint.endpoint).u32(hint.slot)
        writer.u16(_UNKNOWN_DELAY if hint.delay_s is None else _milliseconds(hint.delay_s))
    plaintext = writer.bytes().ljust(PLAINTEXT_SIZE, b"\0")
    return nonce + seal(key, nonce, plaintext, _aad(caller, callee))


def open_call(key: BoxKey, box: bytes, caller: DeviceId, callee: DeviceId) -> CallContent:
    """What the box says; raises OpenFailed or Malformed."""
    nonce, sealed = box[:NONCE_SIZE], box[NONCE_SIZE:]
    reader = Reader(open_sealed(key, nonce, sealed, _aad(caller, callee)))
    date_ms, flags, nat, count = reader.u64(), reader.u8(), reader.u8(), reader.u8()
    if count > CALL_ENDPOINTS_MAX:
        raise Malformed("a call names too many endpoints")
    endpoints = tuple(reader.endpoint() for _ in range(count))
    if (count := reader.u8()) > CALL_RELAYS_MAX:
        raise Malformed("a call names too many relays")
    relays = tuple(_read_hint(reader) for _ in range(count))
    return CallContent(
        date_ms, bool(flags & _ANSWER), endpoints, relays, nat, bool(flags & _NEEDED)
    )


def _read_hint(reader: Reader) -> RelayHint:
    relay, endpoint = DeviceId(reader.take(DeviceId.SIZE)), reader.endpoint()
    slot, delay_ms = reader.u32(), reader.u16()
    return RelayHint(relay, endpoint, slot, None if delay_ms == _UNKNOWN_DELAY else delay_ms / 1000)


def _milliseconds(seconds: float) -> int:
    return max(0, min(round(seconds * 1000), _UNKNOWN_DELAY - 1))
