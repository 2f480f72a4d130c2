"""The envelope around a record: what a blind holder stores, checks and hands out.

800 bytes, integers big-endian:

    version u8 = 1 ‖ blinded public key 32 ‖ sequence u64 ‖ expires u64 ‖ nonce 24
    ‖ sealed 663 ‖ signature 64

    signature   by the blinded key over message_digest("record envelope", all bytes before it)
    sealed      XChaCha20-Poly1305 under the record key; additional data: network id ‖ the
                version, blinded key, sequence and expires of the envelope
    plaintext   u16 length ‖ body ‖ signature 64 by the device over the body, context
                "endpoint record" ‖ zeros up to 647 bytes

A holder needs no key to verify: the locator is the hash of the blinded public key.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.crypto.blinding import BlindedPublicKey, blind_public, sign_blinded
from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, open_sealed, seal
from meshdht.crypto.derive import message_digest
from meshdht.crypto.keys import (
    LocatorKey,
    NetworkId,
    RecordKey,
    SigningKey,
    VerifyKey,
    verify_ed25519,
)
from meshdht.errors import BadSignature, Malformed
from meshdht.limits import RECORD_CLOCK_TOLERANCE_S, RECORD_LIFETIME_MAX_S, RECORD_SIZE
from meshdht.records.endpoint import EndpointRecord, decode_record
from meshdht.records.locator import locator
from meshdht.wire.buffer import Reader, Writer

ENVELOPE_VERSION = 1
SIGNATURE_SIZE = 64
_CONTEXT = "endpoint record"
_HEAD_SIZE = 1 + 32 + 8 + 8
_SEALED_SIZE = RECORD_SIZE - _HEAD_SIZE - NONCE_SIZE - SIGNATURE_SIZE
_PLAINTEXT_SIZE = _SEALED_SIZE - TAG_SIZE


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope whose outer signature verified under the blinded key that its locator names."""

    blinded: BlindedPublicKey
    sequence: int
    expires: int
    nonce: bytes
    sealed: bytes
    raw: bytes
    """The original 800 bytes: what mends a stale holder."""

    def is_current(self, unix: float) -> bool:
        """Neither past its expiry nor promising more than a record may live."""
        left = self.expires - unix
        return -RECORD_CLOCK_TOLERANCE_S < left <= RECORD_LIFETIME_MAX_S + RECORD_CLOCK_TOLERANCE_S


def seal_record(
    record: EndpointRecord,
    *,
    network: NetworkId,
    device: SigningKey,
    locator_key: LocatorKey,
    record_key: RecordKey,
    epoch: int,
    nonce: bytes,
) -> bytes:
    """The 800-byte envelope of a record in an epoch; ``nonce``: 24 fresh random bytes.

    Give each epoch a record with a sequence of its own: one sequence in two envelopes tells a
    holder that they are of one device. Raises Malformed if the record is another device's.
    """
    if record.device != device.public.device_id:
        raise Malformed("a device signs its own record alone")
    body = record.encode()
    plaintext = Writer().var(body).raw(device.sign(_CONTEXT, network, body)).bytes()
    head = _head(blind_public(locator_key, epoch, device.public), record.sequence, record.expires)
    padded = plaintext.ljust(_PLAINTEXT_SIZE, b"\0")
    unsigned = head + nonce + seal(record_key, nonce, padded, network.raw + head)
    _, signature = sign_blinded(locator_key, epoch, device, _signed(unsigned))
    return unsigned + signature


def verify_envelope(key: bytes, data: bytes) -> Envelope:
    """What a holder checks: size, version, locator (``key``) and outer signature.

    Raises Malformed or BadSignature. Whether it is newer than what is held, and
    ``is_current``, remain the caller's to judge.
    """
    if len(data) != RECORD_SIZE:
        raise Malformed(f"an envelope has {RECORD_SIZE} bytes, not {len(data)}")
    reader = Reader(data)
    if reader.u8() != ENVELOPE_VERSION:
        raise Malformed("an envelope of another version")
    blinded = BlindedPublicKey(reader.take(32))
    sequence, expires = reader.u64(), reader.u64()
    nonce, sealed = reader.take(NONCE_SIZE), reader.take(_SEALED_SIZE)
    if locator(blinded) != key:
        raise BadSignature("the envelope belongs to another locator")
    unsigned = data[:-SIGNATURE_SIZE]
    verify_ed25519(blinded.raw, _signed(unsigned), reader.take(SIGNATURE_SIZE))
    return Envelope(blinded, sequence, expires, nonce, sealed, data)


def open_record(
    envelope: Envelope, *, network: NetworkId, device: VerifyKey, record_key: RecordKey
) -> EndpointRecord:
    """The record inside, if it is this device's and says what the envelope says.

    Raises OpenFailed, Malformed or BadSignature.
    """
    head = _head(envelope.blinded, envelope.sequence, envelope.expires)
    padded = open_sealed(record_key, envelope.nonce, envelope.sealed, network.raw + head)
    reader = Reader(padded)
    body, signature = reader.var(), reader.take(SIGNATURE_SIZE)
    if any(reader.rest()):
        raise Malformed("padding that is not zero")
    device.verify(_CONTEXT, network, body, signature)
    record = decode_record(body)
    if record.device != device.device_id:
        raise Malformed("a record that names another device than its signer")
    if (record.sequence, record.expires) != (envelope.sequence, envelope.expires):
        raise Malformed("envelope and record disagree")
    return record


def _head(blinded: BlindedPublicKey, sequence: int, expires: int) -> bytes:
    writer = Writer().u8(ENVELOPE_VERSION).raw(blinded.raw)
    return writer.u64(sequence).u64(expires).bytes()


def _signed(unsigned: bytes) -> bytes:
    return message_digest("record envelope", unsigned)
