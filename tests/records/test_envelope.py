"""The envelope: what a blind holder checks, and what only a member reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.crypto.blinding import sign_blinded
from meshdht.crypto.boxes import seal
from meshdht.crypto.derive import message_digest
from meshdht.crypto.keys import NetworkId, NetworkSecret, RecordKey, SigningKey
from meshdht.errors import BadSignature, Malformed, OpenFailed
from meshdht.limits import RECORD_CLOCK_TOLERANCE_S, RECORD_LIFETIME_MAX_S, RECORD_SIZE
from meshdht.records.endpoint import EndpointRecord
from meshdht.records.envelope import open_record, seal_record, verify_envelope
from meshdht.records.locator import device_locator
from tests.records.material import (
    DEVICE,
    NETWORK,
    NONCE,
    OTHER,
    SECRET,
    UNIX,
    record,
    records,
    sealed,
)

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/endpoint-record.json").read_text())

LOCATOR = device_locator(SECRET.locator_key, 5, DEVICE.public)


def _open(data: bytes, **change: Any) -> EndpointRecord:
    keys = {"network": NETWORK, "device": DEVICE.public, "record_key": SECRET.record_key}
    return open_record(verify_envelope(LOCATOR, data), **(keys | change))


def _resigned(data: bytes, device: SigningKey = DEVICE) -> bytes:
    """The same envelope, its outer signature made anew by the device."""
    message = message_digest("record envelope", data[:-64])
    return data[:-64] + sign_blinded(SECRET.locator_key, 5, device, message)[1]


def test_an_envelope_agrees_with_the_published_vector() -> None:
    secret = NetworkSecret(bytes.fromhex(VECTOR["network_secret"]))
    device = SigningKey(bytes.fromhex(VECTOR["device_seed"]))
    network = NetworkId(bytes.fromhex(VECTOR["network_id"]))
    epoch = int(VECTOR["epoch"])
    envelope = verify_envelope(bytes.fromhex(VECTOR["locator"]), bytes.fromhex(VECTOR["envelope"]))
    body = open_record(
        envelope, network=network, device=device.public, record_key=secret.record_key
    )
    assert body.encode().hex() == VECTOR["body"]
    assert device_locator(secret.locator_key, epoch, device.public).hex() == VECTOR["locator"]
    again = seal_record(
        body,
        network=network,
        device=device,
        locator_key=secret.locator_key,
        record_key=secret.record_key,
        epoch=epoch,
        nonce=bytes.fromhex(VECTOR["nonce"]),
    )
    assert again.hex() == VECTOR["envelope"]


@given(records(), st.binary(min_size=24, max_size=24))
@settings(max_examples=60)
def test_a_record_of_any_content_has_one_size_and_opens(body: EndpointRecord, nonce: bytes) -> None:
    data = sealed(body, nonce=nonce)
    assert len(data) == RECORD_SIZE
    envelope = verify_envelope(LOCATOR, data)
    assert (envelope.sequence, envelope.expires) == (body.sequence, body.expires)
    assert envelope.raw == data
    assert _open(data) == body


@given(st.integers(0, RECORD_SIZE * 8 - 1))
def test_one_altered_bit_is_refused_by_a_blind_holder(bit: int) -> None:
    data = bytearray(sealed(record()))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Malformed, BadSignature)):
        verify_envelope(LOCATOR, bytes(data))


@given(st.binary(max_size=RECORD_SIZE + 10), st.booleans())
def test_any_bytes_are_refused_without_another_error(data: bytes, padded: bool) -> None:
    with pytest.raises((Malformed, BadSignature)):
        verify_envelope(LOCATOR, data.ljust(RECORD_SIZE, b"\1")[:RECORD_SIZE] if padded else data)


def test_an_envelope_belongs_to_one_locator() -> None:
    with pytest.raises(BadSignature, match="another locator"):
        verify_envelope(device_locator(SECRET.locator_key, 6, DEVICE.public), sealed(record()))


def test_another_member_cannot_publish_under_a_devices_locator() -> None:
    with pytest.raises(BadSignature):
        verify_envelope(LOCATOR, _resigned(sealed(record()), device=OTHER))


def test_a_device_signs_its_own_record_alone() -> None:
    with pytest.raises(Malformed, match="its own record"):
        sealed(replace(record(), device=OTHER.public.device_id))


def test_two_epochs_of_one_device_share_no_bytes() -> None:
    one = sealed(record(sequence=7), epoch=5)
    other = sealed(record(sequence=8), epoch=6, nonce=NONCE[::-1])
    chunks = {one[place : place + 4] for place in range(49, RECORD_SIZE - 3)}
    assert not chunks & {other[place : place + 4] for place in range(49, RECORD_SIZE - 3)}
    assert one[1:33] != other[1:33]


def test_an_envelope_shows_nothing_of_its_content() -> None:
    data = sealed(record())
    body = record()
    for plain in (body.device.raw, DEVICE.public.raw, body.wireguard_key.raw, NETWORK.raw):
        assert plain not in data
    assert bytes([192, 168, 1, 20]) not in data


def test_only_the_record_key_opens() -> None:
    with pytest.raises(OpenFailed):
        _open(sealed(record()), record_key=RecordKey(bytes(32)))


def test_a_record_of_another_network_does_not_open() -> None:
    with pytest.raises(OpenFailed):
        _open(sealed(record()), network=NetworkId(bytes(32)))


def test_a_record_is_no_other_devices() -> None:
    with pytest.raises(BadSignature):
        _open(sealed(record()), device=OTHER.public)


@pytest.mark.parametrize("offset", [40, 48])
def test_sequence_and_expiry_outside_are_those_inside(offset: int) -> None:
    data = bytearray(sealed(record()))
    data[offset] ^= 1
    with pytest.raises(OpenFailed):
        _open(_resigned(bytes(data)))


def _with_plaintext(plaintext: bytes) -> bytes:
    """An envelope that DEVICE made around any plaintext."""
    head = sealed(record())[:49]
    blob = seal(SECRET.record_key, NONCE, plaintext, NETWORK.raw + head)
    return _resigned(head + NONCE + blob + bytes(64))


def _plaintext(body: EndpointRecord) -> bytes:
    encoded = body.encode()
    signature = DEVICE.sign("endpoint record", NETWORK, encoded)
    return len(encoded).to_bytes(2, "big") + encoded + signature


def test_padding_that_is_not_zero_is_malformed() -> None:
    assert _open(_with_plaintext(_plaintext(record()).ljust(647, b"\0"))) == record()
    with pytest.raises(Malformed, match="padding"):
        _open(_with_plaintext(_plaintext(record()).ljust(646, b"\0") + b"\1"))


def test_an_envelope_around_a_record_of_another_sequence_is_malformed() -> None:
    with pytest.raises(Malformed, match="disagree"):
        _open(_with_plaintext(_plaintext(record(sequence=8)).ljust(647, b"\0")))


def test_a_record_that_names_another_device_is_malformed() -> None:
    foreign = replace(record(), device=OTHER.public.device_id)
    with pytest.raises(Malformed, match="another device"):
        _open(_with_plaintext(_plaintext(foreign).ljust(647, b"\0")))


@given(st.binary(max_size=647))
def test_any_plaintext_of_an_insider_is_refused_without_another_error(plaintext: bytes) -> None:
    with pytest.raises((Malformed, BadSignature)):
        _open(_with_plaintext(plaintext.ljust(647, b"\0")))


def test_a_holder_keeps_neither_what_expired_nor_what_promises_too_much() -> None:
    envelope = verify_envelope(LOCATOR, sealed(record()))
    expires = UNIX + RECORD_LIFETIME_MAX_S
    assert envelope.is_current(UNIX)
    assert envelope.is_current(UNIX - RECORD_CLOCK_TOLERANCE_S)
    assert not envelope.is_current(UNIX - RECORD_CLOCK_TOLERANCE_S - 1)
    assert envelope.is_current(expires + RECORD_CLOCK_TOLERANCE_S - 1)
    assert not envelope.is_current(expires + RECORD_CLOCK_TOLERANCE_S)
