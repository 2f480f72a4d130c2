from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import SigningKey
from meshdht.errors import OpenFailed, RemoteError
from meshdht.wire.join import (
    MAX_REASON_SIZE,
    JoinOutcome,
    decode_reason,
    encode_reason,
    open_join_reply,
    seal_join_reply,
)

MEMBER, JOINER, EVE = (SigningKey(letter * 32) for letter in (b"m", b"j", b"e"))
ID = b"12345678"
VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/bodies.json").read_text())


def test_a_reply_agrees_with_the_published_vector() -> None:
    member, joiner = (SigningKey(bytes.fromhex(seed)) for seed in VECTOR["device_seeds"])
    body = bytes.fromhex(VECTOR["join_reply"])
    message_id = bytes.fromhex(VECTOR["message_id"])
    opened = open_join_reply(body, joiner=joiner, message_id=message_id)
    assert opened.content.hex() == VECTOR["join_reply_content"]
    again = seal_join_reply(
        opened.outcome,
        opened.content,
        member=member,
        joiner=joiner.public,
        message_id=message_id,
        nonce=bytes.fromhex(VECTOR["nonce"]),
    )
    assert again == body


def test_a_reply_that_asks_for_patience_agrees_with_the_published_vector() -> None:
    _, joiner = (SigningKey(bytes.fromhex(seed)) for seed in VECTOR["device_seeds"])
    message_id = bytes.fromhex(VECTOR["message_id"])
    body = bytes.fromhex(VECTOR["join_reply_waiting"])
    opened = open_join_reply(body, joiner=joiner, message_id=message_id)
    assert (opened.outcome, opened.content) == (JoinOutcome.WAITING, b"")
    admitted = bytes([JoinOutcome.ADMITTED]) + body[1:]
    with pytest.raises(OpenFailed):
        open_join_reply(admitted, joiner=joiner, message_id=message_id)


def a_reply(outcome: JoinOutcome = JoinOutcome.ADMITTED) -> bytes:
    return seal_join_reply(
        outcome,
        b"the secret",
        member=MEMBER,
        joiner=JOINER.public,
        message_id=ID,
        nonce=bytes(24),
    )


def test_the_joiner_alone_opens_the_reply() -> None:
    opened = open_join_reply(a_reply(), joiner=JOINER, message_id=ID)
    assert (opened.outcome, opened.content) == (JoinOutcome.ADMITTED, b"the secret")
    assert opened.member == MEMBER.public
    with pytest.raises(OpenFailed):
        open_join_reply(a_reply(), joiner=EVE, message_id=ID)


def test_an_outcome_cannot_be_turned_round() -> None:
    turned = bytes([JoinOutcome.REFUSED]) + a_reply()[1:]
    with pytest.raises(OpenFailed):
        open_join_reply(turned, joiner=JOINER, message_id=ID)


def test_a_reply_to_another_request_does_not_open() -> None:
    with pytest.raises(OpenFailed):
        open_join_reply(a_reply(), joiner=JOINER, message_id=b"another!")


@given(st.binary(max_size=300))
def test_any_bytes_raise_only_the_remote_error(body: bytes) -> None:
    with pytest.raises(RemoteError):
        open_join_reply(body, joiner=JOINER, message_id=ID)


@given(st.text())
def test_a_reason_survives_as_far_as_it_fits(reason: str) -> None:
    encoded = encode_reason(reason)
    assert len(encoded) <= MAX_REASON_SIZE
    assert reason.startswith(encoded.decode())


@given(st.binary(max_size=300))
def test_a_strangers_reason_holds_no_control_characters(content: bytes) -> None:
    assert decode_reason(content).isprintable()
