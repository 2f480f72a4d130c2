"""The boxed messages about secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.boxes import BoxKey, device_box_key
from meshdht.crypto.keys import DeviceId, NetworkSecret
from meshdht.errors import OpenFailed, RemoteError
from meshdht.wire.handover import (
    PLAINTEXT_SIZE,
    Pair,
    SecretHandOver,
    open_hand_over,
    open_refusal,
    open_request,
    seal_hand_over,
    seal_refusal,
    seal_request,
)
from meshdht.wire.packet import MAX_BODY_SIZE, MessageKind
from tests.membership.household import signing_key

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/generations.json").read_text())
NAS, LAPTOP = (signing_key(number) for number in (0, 1))
PAIR = Pair(
    device_box_key(NAS, LAPTOP.public),
    LAPTOP.public.device_id,
    NAS.public.device_id,
    b"\x01" * 8,
)
NONCE = bytes(range(24))
HAND_OVER = SecretHandOver(5, NetworkSecret(b"\x07" * 32), (b"a statement", b"another"))


def test_a_request_says_which_generation_its_sender_has() -> None:
    body = seal_request(PAIR, NONCE, b"\x09" * 32)
    assert open_request(PAIR, body) == b"\x09" * 32


def test_a_request_is_as_large_as_any_answer() -> None:
    assert len(seal_request(PAIR, NONCE, bytes(32))) == MAX_BODY_SIZE


def test_a_hand_over_comes_through() -> None:
    body = seal_hand_over(PAIR, NONCE, HAND_OVER)
    assert open_hand_over(PAIR, body) == HAND_OVER


def test_statements_that_do_not_fit_stay_behind() -> None:
    every = SecretHandOver(5, HAND_OVER.secret, (b"a" * 400, b"b" * 400, b"c" * 400, b"d"))
    body = seal_hand_over(PAIR, NONCE, every)
    assert len(body) <= MAX_BODY_SIZE
    assert open_hand_over(PAIR, body).statements == every.statements[:2]


def test_a_refusal_comes_through_with_what_fits_and_is_no_larger_than_a_request() -> None:
    statements = (b"a" * 400, b"b" * 400, b"c" * 400, b"d")
    body = seal_refusal(PAIR, NONCE, statements)
    assert tuple(open_refusal(PAIR, body)) == statements[:2]
    assert len(body) <= MAX_BODY_SIZE
    with pytest.raises(RemoteError):
        open_hand_over(PAIR, body)


def test_a_refusal_agrees_with_the_published_vector() -> None:
    pair = Pair(
        BoxKey(bytes.fromhex(VECTOR["device_box_key"])),
        DeviceId.parse(VECTOR["sender"]),
        DeviceId.parse(VECTOR["receiver"]),
        bytes.fromhex(VECTOR["message_id"]),
    )
    body = bytes.fromhex(VECTOR["secret_refusal"])
    assert [each.hex() for each in open_refusal(pair, body)] == VECTOR["statements"]


@pytest.mark.parametrize(
    "pair",
    [
        Pair(PAIR.key, PAIR.receiver, PAIR.sender, PAIR.message_id),
        Pair(PAIR.key, PAIR.sender, PAIR.receiver, bytes(8)),
        Pair(
            device_box_key(NAS, signing_key(2).public),
            PAIR.sender,
            PAIR.receiver,
            PAIR.message_id,
        ),
    ],
    ids=["the other way round", "another message", "another device"],
)
def test_what_was_boxed_for_another_moment_does_not_open(pair: Pair) -> None:
    with pytest.raises(OpenFailed):
        open_hand_over(pair, seal_hand_over(PAIR, NONCE, HAND_OVER))
    with pytest.raises(OpenFailed):
        open_request(pair, seal_request(PAIR, NONCE, bytes(32)))


def test_a_request_is_no_hand_over() -> None:
    with pytest.raises(OpenFailed):
        open_hand_over(PAIR, seal_request(PAIR, NONCE, bytes(32)))


@given(st.binary(max_size=PLAINTEXT_SIZE))
def test_any_boxed_bytes_are_a_message_or_refused(plaintext: bytes) -> None:
    for kind, read in (
        (MessageKind.SECRET_HANDOVER, open_hand_over),
        (MessageKind.SECRET_REQUEST, open_request),
    ):
        try:
            read(PAIR, PAIR.seal(kind, NONCE, plaintext))
        except RemoteError:
            continue


def test_they_agree_with_the_published_vectors() -> None:
    pair = Pair(
        PAIR.key.__class__(bytes.fromhex(VECTOR["device_box_key"])),
        PAIR.sender.__class__.parse(VECTOR["sender"]),
        PAIR.receiver.__class__.parse(VECTOR["receiver"]),
        bytes.fromhex(VECTOR["message_id"]),
    )
    nonce = bytes.fromhex(VECTOR["nonce"])
    commitment = bytes.fromhex(VECTOR["commitment"])
    request = bytes.fromhex(VECTOR["secret_request"])
    assert open_request(pair, request) == commitment
    assert seal_request(pair, nonce, commitment) == request
    given_over = open_hand_over(pair, bytes.fromhex(VECTOR["secret_hand_over"]))
    assert given_over.number == VECTOR["generation"]
    assert given_over.secret.raw.hex() == VECTOR["network_secret"]
    assert [each.hex() for each in given_over.statements] == VECTOR["statements"]
