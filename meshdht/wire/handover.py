"""Asking for the network secret of the current generation, and handing it over.

    SECRET_REQUEST body   = nonce 24 ‖ seal(box key, nonce, plaintext, additional data)
    plaintext             = version u8 = 1 ‖ commitment 32 ‖ zeros up to PLAINTEXT_SIZE
    SECRET_HANDOVER body  = nonce 24 ‖ seal(box key, nonce, plaintext, additional data)
    plaintext             = version u8 = 1 ‖ generation u32 ‖ network secret 32
                            ‖ statements u8 n ‖ n × var
    SECRET_REFUSAL body   = nonce 24 ‖ seal(box key, nonce, plaintext, additional data)
    plaintext             = version u8 = 1 ‖ statements u8 n ‖ n × var
    additional data       = kind u8 ‖ sender 20 ‖ receiver 20 ‖ message id 8

Boxed from one device to one other: whoever else holds the packet key that they travel under can
neither ask in a device's name nor read the answer. A request is as large as the largest
hand-over, so that it may be answered to an address that has proved nothing. The commitment is
that of the generation which the asker has; the statements are those that the receiver may lack. A
refusal has those that prove to the asker that it is out (see membership/outcasts.py), or that the
key which it asks has a successor (see node/herald.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, BoxKey, open_sealed, seal
from meshdht.crypto.keys import DeviceId, NetworkSecret
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer
from meshdht.wire.packet import MAX_BODY_SIZE, MessageKind

PLAINTEXT_SIZE = MAX_BODY_SIZE - NONCE_SIZE - TAG_SIZE
COMMITMENT_SIZE = 32
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Pair:
    """Who sends to whom, under which message id."""

    key: BoxKey
    sender: DeviceId
    receiver: DeviceId
    message_id: bytes

    def _aad(self, kind: MessageKind) -> bytes:
        return bytes([kind]) + self.sender.raw + self.receiver.raw + self.message_id

    def seal(self, kind: MessageKind, nonce: bytes, plaintext: bytes) -> bytes:
        """A body."""
        return nonce + seal(self.key, nonce, plaintext, self._aad(kind))

    def open(self, kind: MessageKind, body: bytes) -> Reader:
        """Past the version; raises OpenFailed or Malformed."""
        nonce, sealed = body[:NONCE_SIZE], body[NONCE_SIZE:]
        reader = Reader(open_sealed(self.key, nonce, sealed, self._aad(kind)))
        if reader.u8() != _VERSION:
            raise Malformed("a message about secrets of another version")
        return reader


@dataclass(frozen=True, slots=True)
class SecretHandOver:
    """An opened hand-over."""

    number: int
    secret: NetworkSecret
    statements: Sequence[bytes]


def seal_request(pair: Pair, nonce: bytes, commitment: bytes) -> bytes:
    """The body of a SECRET_REQUEST; ``commitment`` is that of the generation that is held."""
    plaintext = Writer().u8(_VERSION).raw(commitment).bytes()
    return pair.seal(MessageKind.SECRET_REQUEST, nonce, plaintext.ljust(PLAINTEXT_SIZE, b"\0"))


def open_request(pair: Pair, body: bytes) -> bytes:
    """The commitment that the asker names; raises OpenFailed or Malformed."""
    return pair.open(MessageKind.SECRET_REQUEST, body).take(COMMITMENT_SIZE)


def seal_hand_over(pair: Pair, nonce: bytes, hand_over: SecretHandOver) -> bytes:
    """The body of a SECRET_HANDOVER, with as many of the statements as fit, the first first."""
    writer = Writer().u8(_VERSION).u32(hand_over.number).raw(hand_over.secret.raw)
    plaintext = _write_fitting(writer, hand_over.statements).bytes()
    return pair.seal(MessageKind.SECRET_HANDOVER, nonce, plaintext)


def _write_fitting(writer: Writer, statements: Sequence[bytes]) -> Writer:
    """As many of the statements as fit, the first first."""
    chosen: list[bytes] = []
    room = PLAINTEXT_SIZE - len(writer.bytes()) - 1
    for statement in statements:
        room -= 2 + len(statement)
        if room < 0 or len(chosen) == 255:
            break
        chosen.append(statement)
    writer.u8(len(chosen))
    for statement in chosen:
        writer.var(statement)
    return writer


def open_hand_over(pair: Pair, body: bytes) -> SecretHandOver:
    """What was handed over; raises OpenFailed or Malformed."""
    reader = pair.open(MessageKind.SECRET_HANDOVER, body)
    number = reader.u32()
    secret = NetworkSecret(reader.take(NetworkSecret.SIZE))
    statements = _read_statements(reader)
    return SecretHandOver(number, secret, statements)


def seal_refusal(pair: Pair, nonce: bytes, statements: Sequence[bytes]) -> bytes:
    """The body of a SECRET_REFUSAL, with as many of the statements as fit, the first first."""
    plaintext = _write_fitting(Writer().u8(_VERSION), statements).bytes()
    return pair.seal(MessageKind.SECRET_REFUSAL, nonce, plaintext)


def open_refusal(pair: Pair, body: bytes) -> Sequence[bytes]:
    """The statements of a refusal; raises OpenFailed or Malformed."""
    return _read_statements(pair.open(MessageKind.SECRET_REFUSAL, body))


def _read_statements(reader: Reader) -> tuple[bytes, ...]:
    statements = tuple(reader.var() for _ in range(reader.u8()))
    reader.done()
    return statements
