"""Path probes: bodies boxed from one device to one other, over control packets.

    body      = nonce (24) ‖ XChaCha20-Poly1305(box key, nonce, plaintext) ‖ tag (16)
    plaintext = message id (8) ‖ content, padded with zeros to 32 bytes
    content   = PROBE: u8 misses ‖ u16 silence ‖ u8 n ‖ release n, of A–Z a–z 0–9 . + ! _ -
                PROBE_REPLY: the endpoint that the probe came from ‖ u32 the sender's own clock,
                Unix seconds ‖ u8 flags: 1 unless the sender knows that its clock is wrong, 2
                agreed, 4 relayed
    aad       = kind (1) ‖ sender (20) ‖ receiver (20)

``misses``: how many probes before this one were not answered. ``silence``: if not 0, the
receiver is asked to send nothing for so many seconds and to probe then; ``agreed``: it will (see
paths/lifetime.py). ``relayed``: the probe came by a port that a relay has lent the two.
``release``: which release of meshdht the sender runs (PEP 440), 20 bytes at most; n is 0 where it
does not say, as with releases that had no such field.

Probe and reply have one size, so that a spoofed probe gains nothing. The reply tells the
asker its reflexive address, as STUN's XOR-MAPPED-ADDRESS does (RFC 8489, section 14.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from meshdht.crypto.boxes import NONCE_SIZE, BoxKey, open_sealed, seal
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import RELEASE_MAX
from meshdht.wire.buffer import Reader, Writer
from meshdht.wire.packet import MESSAGE_ID_SIZE, MessageKind

PLAINTEXT_SIZE = 32
_CLOCK_MAX = 2**32 - 1
_SOUND, _AGREED, _RELAYED = 1, 2, 4
_RELEASE = re.compile(r"[A-Za-z0-9.+!_-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a PROBE says beside that it is one."""

    misses: int = 0
    silence_s: int = 0
    release: str = ""
    """Which release the sender runs; empty where it does not say."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What a PROBE_REPLY says."""

    observed: Endpoint
    """Where the probe came from."""
    clock: int
    """The answerer's own clock, Unix seconds up to 2106."""
    clock_is_sound: bool
    """Whether it takes its clock for right."""
    agrees: bool = False
    """Whether it will be silent as it was asked."""
    is_relayed: bool = False
    """Whether the probe came by a port that a relay has lent the two."""


def _aad(kind: MessageKind, sender: DeviceId, receiver: DeviceId) -> bytes:
    return bytes([kind]) + sender.raw + receiver.raw


def seal_probe(
    key: BoxKey,
    nonce: bytes,
    sender: DeviceId,
    receiver: DeviceId,
    message_id: bytes,
    asked: Asked = Asked(),
) -> bytes:
    """The body of a PROBE."""
    content = Writer().raw(message_id).u8(min(asked.misses, 255)).u16(asked.silence_s)
    release = asked.release[:RELEASE_MAX].encode()
    content.u8(len(release)).raw(release)
    plaintext = content.bytes().ljust(PLAINTEXT_SIZE, b"\0")
    return nonce + seal(key, nonce, plaintext, _aad(MessageKind.PROBE, sender, receiver))


def open_probe(
    key: BoxKey, body: bytes, sender: DeviceId, receiver: DeviceId, message_id: bytes
) -> Asked:
    """Check a PROBE; raises OpenFailed or Malformed."""
    reader = _open(key, MessageKind.PROBE, body, sender, receiver, message_id)
    return Asked(reader.u8(), reader.u16(), _release(reader))


def _release(reader: Reader) -> str:
    """Another's words: what no release is called is none."""
    told = reader.take(min(reader.u8(), RELEASE_MAX)).decode("ascii", errors="replace")
    return told if _RELEASE.fullmatch(told) else ""


def seal_reply(
    key: BoxKey,
    nonce: bytes,
    sender: DeviceId,
    receiver: DeviceId,
    message_id: bytes,
    answer: ProbeAnswer,
) -> bytes:
    """The body of a PROBE_REPLY."""
    writer = Writer().raw(message_id).endpoint(answer.observed)
    flags = _SOUND * answer.clock_is_sound + _AGREED * answer.agrees + _RELAYED * answer.is_relayed
    writer.u32(min(max(answer.clock, 0), _CLOCK_MAX)).u8(flags)
    plaintext = writer.bytes().ljust(PLAINTEXT_SIZE, b"\0")
    return nonce + seal(key, nonce, plaintext, _aad(MessageKind.PROBE_REPLY, sender, receiver))


def open_reply(
    key: BoxKey, body: bytes, sender: DeviceId, receiver: DeviceId, message_id: bytes
) -> ProbeAnswer:
    """What the answer to our probe says; raises OpenFailed or Malformed."""
    reader = _open(key, MessageKind.PROBE_REPLY, body, sender, receiver, message_id)
    observed, clock, flags = reader.endpoint(), reader.u32(), reader.u8()
    sound, agreed, relayed = (bool(flags & each) for each in (_SOUND, _AGREED, _RELAYED))
    return ProbeAnswer(observed, clock, sound, agreed, relayed)


def _open(
    key: BoxKey,
    kind: MessageKind,
    body: bytes,
    sender: DeviceId,
    receiver: DeviceId,
    message_id: bytes,
) -> Reader:
    nonce, sealed = body[:NONCE_SIZE], body[NONCE_SIZE:]
    reader = Reader(open_sealed(key, nonce, sealed, _aad(kind, sender, receiver)))
    if reader.take(MESSAGE_ID_SIZE) != message_id:
        raise Malformed("the boxed message id is not the packet's")
    return reader
