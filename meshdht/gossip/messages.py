"""Gossip bodies: sealed again under the gossip key, so that only members read them.

body      = nonce (24) ‖ XChaCha20-Poly1305(gossip key, nonce, plaintext) ‖ tag (16)
aad       = sender (20)
plaintext = u8 type ‖ …

1 SYNC        u8 flags (1: please answer; 2: of the log alone) ‖ log digest (32)
              ‖ u8 n ‖ n × head (32) ‖ u8 m ‖ m × (device id (20) ‖ u64 sequence)
2 FETCH       u8 n ‖ n × head (32): send the statements that these do not descend from
3 STATEMENTS  u8 n ‖ n × var: statements, parents before children
4 RECORD      device id (20) ‖ u64 epoch ‖ envelope (800)
5 WANT        u8 n ‖ n × device id (20): send the records of these devices
6 APPLICANT   a join claim: it was made to the sender, and waits for an admin's word
7 DENIAL      device key (32) ‖ reason, text (u16 length ‖ UTF-8): an admin refuses this device
8 CALL        u8 hops left ‖ caller (20) ‖ callee (20) ‖ box (344, see wire/call.py): hand it on
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, open_sealed, seal
from meshdht.crypto.keys import DeviceId, GossipKey, VerifyKey
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer
from meshdht.wire.call import BOX_SIZE as CALL_BOX_SIZE
from meshdht.wire.packet import MAX_BODY_SIZE

MAX_PLAINTEXT_SIZE = MAX_BODY_SIZE - NONCE_SIZE - TAG_SIZE
HASH_SIZE = 32
# What fits one datagram beside the rest.
MAX_HEADS = 8
MAX_SEQUENCES = 24
MAX_WANTED = 48

_ANSWER, _LOG_ALONE = 1, 2


@dataclass(frozen=True, slots=True)
class Sync:
    """What the sender holds."""

    answer: bool
    log_digest: bytes
    heads: tuple[bytes, ...]
    sequences: tuple[tuple[DeviceId, int], ...]
    log_alone: bool = False
    """Asks for log digest and heads alone, and for these in any case."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Asks for the statements that ``heads`` do not descend from."""

    heads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Statements:
    """Signed statements, parents before children."""

    statements: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A device's endpoint record, in its original bytes."""

    device: DeviceId
    epoch: int
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Want:
    """Asks for the records of devices."""

    devices: tuple[DeviceId, ...]


@dataclass(frozen=True, slots=True)
class Applicant:
    """A join claim that only an admin may admit, in its original bytes."""

    claim: bytes


@dataclass(frozen=True, slots=True)
class Denial:
    """An admin refuses a device that waits."""

    device: VerifyKey
    reason: str


@dataclass(frozen=True, slots=True)
class Call:
    """``caller`` asks ``callee`` to probe it; whoever else gets this hands it on."""

    hops: int
    """How often it may still be handed on."""
    caller: DeviceId
    callee: DeviceId
    box: bytes


Message = Sync | Fetch | Statements | Record | Want | Applicant | Denial | Call


def _counted(writer: Writer, chunks: Sequence[bytes]) -> Writer:
    writer.u8(len(chunks))
    for chunk in chunks:
        writer.raw(chunk)
    return writer


def encode(message: Message) -> bytes:
    """The plaintext of a message."""
    writer = Writer()
    match message:
        case Sync():
            flags = _ANSWER * message.answer | _LOG_ALONE * message.log_alone
            _counted(writer.u8(1).u8(flags).raw(message.log_digest), message.heads)
            pairs = [device.raw + seq.to_bytes(8, "big") for device, seq in message.sequences]
            _counted(writer, pairs)
        case Fetch():
            _counted(writer.u8(2), message.heads)
        case Statements():
            writer.u8(3).u8(len(message.statements))
            for statement in message.statements:
                writer.var(statement)
        case Record():
            writer.u8(4).raw(message.device.raw).u64(message.epoch).raw(message.envelope)
        case Want():
            _counted(writer.u8(5), [device.raw for device in message.devices])
        case Applicant():
            writer.u8(6).raw(message.claim)
        case Denial():
            writer.u8(7).raw(message.device.raw).text(message.reason)
        case Call():
            writer.u8(8).u8(message.hops).raw(message.caller.raw).raw(message.callee.raw)
            writer.raw(message.box)
    return writer.bytes()


def _sync(reader: Reader) -> Sync:
    flags = reader.u8()
    return Sync(
        answer=bool(flags & _ANSWER),
        log_alone=bool(flags & _LOG_ALONE),
        log_digest=reader.take(HASH_SIZE),
        heads=_hashes(reader),
        sequences=tuple(
            (DeviceId(reader.take(DeviceId.SIZE)), reader.u64()) for _ in range(reader.u8())
        ),
    )


def _hashes(reader: Reader) -> tuple[bytes, ...]:
    return tuple(reader.take(HASH_SIZE) for _ in range(reader.u8()))


def _record(reader: Reader) -> Record:
    return Record(DeviceId(reader.take(DeviceId.SIZE)), reader.u64(), reader.rest())


def _want(reader: Reader) -> Want:
    return Want(tuple(DeviceId(reader.take(DeviceId.SIZE)) for _ in range(reader.u8())))


def _call(reader: Reader) -> Call:
    hops = reader.u8()
    caller, callee = (DeviceId(reader.take(DeviceId.SIZE)) for _ in range(2))
    return Call(hops, caller, callee, reader.take(CALL_BOX_SIZE))


_DECODERS: dict[int, Callable[[Reader], Message]] = {
    1: _sync,
    2: lambda reader: Fetch(_hashes(reader)),
    3: lambda reader: Statements(tuple(reader.var() for _ in range(reader.u8()))),
    4: _record,
    5: _want,
    6: lambda reader: Applicant(reader.rest()),
    7: lambda reader: Denial(VerifyKey(reader.take(VerifyKey.SIZE)), reader.text()),
    8: _call,
}


def decode(plaintext: bytes) -> Message:
    """Parse a plaintext; raises Malformed."""
    reader = Reader(plaintext)
    decoder = _DECODERS.get(reader.u8())
    if decoder is None:
        raise Malformed("unknown type of gossip")
    message = decoder(reader)
    reader.done()
    return message


def pack_statements(statements: Iterable[bytes]) -> Iterator[Statements]:
    """Fill datagrams with statements, in their order."""
    batch: list[bytes] = []
    room = MAX_PLAINTEXT_SIZE - 2
    for statement in statements:
        size = len(statement) + 2
        if batch and size > room:
            yield Statements(tuple(batch))
            batch, room = [], MAX_PLAINTEXT_SIZE - 2
        batch.append(statement)
        room -= size
    if batch:
        yield Statements(tuple(batch))


def seal_gossip(key: GossipKey, nonce: bytes, sender: DeviceId, message: Message) -> bytes:
    """The body of a GOSSIP packet."""
    return nonce + seal(key, nonce, encode(message), sender.raw)


def open_gossip(key: GossipKey, sender: DeviceId, body: bytes) -> Message:
    """Open and parse a body; raises OpenFailed or Malformed."""
    return decode(open_sealed(key, body[:NONCE_SIZE], body[NONCE_SIZE:], sender.raw))
