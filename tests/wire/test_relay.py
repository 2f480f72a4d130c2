"""What is said to relays: one size, one encoding, and nothing that tells who the two are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import DeviceId, SigningKey
from meshdht.errors import Malformed
from meshdht.wire.relay import (
    BODY_SIZE,
    TOKEN_SIZE,
    Bind,
    BindReply,
    Outcome,
    Wish,
    decode_bind,
    decode_bind_reply,
    encode_bind,
    encode_bind_reply,
    relay_side,
    relay_token,
)

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/relay.json").read_text())
ALICE, BOB, EVE = (SigningKey(bytes([each]) * 32) for each in b"abe")
KEY = device_box_key(ALICE, BOB.public)
RELAY = DeviceId(bytes(20))
tokens = st.binary(min_size=TOKEN_SIZE, max_size=TOKEN_SIZE)


def test_the_bytes_are_those_of_the_vectors() -> None:
    one, other = (SigningKey(bytes.fromhex(seed)) for seed in VECTOR["device_seeds"])
    at, slot = DeviceId(bytes.fromhex(VECTOR["relay"])), VECTOR["slot"]
    key = device_box_key(one, other.public)
    token = relay_token(key, at, slot)
    assert token.hex() == VECTOR["token"]
    ids = one.public.device_id, other.public.device_id
    assert [relay_side(key, each, at, slot).raw.hex() for each in ids] == VECTOR["sides"]
    assert encode_bind(Bind(token)).hex() == VECTOR["bind"]
    assert encode_bind(Bind(token, Wish.WAIT)).hex() == VECTOR["wait"]
    assert encode_bind(Bind(token, Wish.BEGIN)).hex() == VECTOR["begin"]
    assert encode_bind(Bind(token, Wish.LET_GO)).hex() == VECTOR["let_go"]
    assert encode_bind_reply(BindReply(token, Outcome.JOINED, 41900, 90)).hex() == VECTOR["joined"]
    assert encode_bind_reply(BindReply(token, Outcome.FULL)).hex() == VECTOR["refused"]


@given(tokens, st.sampled_from(Wish))
def test_a_bind_is_read_as_it_was_written(token: bytes, wish: Wish) -> None:
    body = encode_bind(Bind(token, wish))
    assert len(body) == BODY_SIZE
    assert decode_bind(body) == Bind(token, wish)


@given(tokens, st.sampled_from(Outcome), st.integers(0, 65535), st.integers(0, 65535))
def test_a_reply_is_read_as_it_was_written(
    token: bytes, outcome: Outcome, port: int, lifetime_s: int
) -> None:
    body = encode_bind_reply(BindReply(token, outcome, port, lifetime_s))
    assert len(body) == BODY_SIZE
    assert decode_bind_reply(body) == BindReply(token, outcome, port, lifetime_s)


@given(st.binary(max_size=40))
def test_any_bytes_are_what_they_would_be_written_as_or_malformed(body: bytes) -> None:
    for each in (body, body.ljust(BODY_SIZE, b"\0")[:BODY_SIZE]):
        try:
            assert encode_bind(decode_bind(each)) == each
        except Malformed:
            pass
        try:
            assert encode_bind_reply(decode_bind_reply(each)) == each
        except Malformed:
            pass


def test_what_is_longer_or_says_more_is_malformed() -> None:
    for body in (encode_bind(Bind(bytes(16))) + b"\0", encode_bind(Bind(bytes(16)))[:-1] + b"x"):
        with pytest.raises(Malformed):
            decode_bind(body)


def test_both_have_one_token_and_nobody_else_has_it() -> None:
    assert relay_token(KEY, RELAY, 1) == relay_token(device_box_key(BOB, ALICE.public), RELAY, 1)
    eves = device_box_key(EVE, BOB.public)
    assert relay_token(eves, RELAY, 1) != relay_token(KEY, RELAY, 1)


def test_nothing_that_a_relay_sees_is_the_same_elsewhere_or_later() -> None:
    a, b = ALICE.public.device_id, BOB.public.device_id
    places = [(RELAY, 1), (RELAY, 2), (DeviceId(bytes([1]) * 20), 1)]
    seen = {relay_token(KEY, *place) for place in places}
    seen |= {relay_side(KEY, own, *place).raw for own in (a, b) for place in places}
    assert len(seen) == 9
    assert not seen & {a.raw, b.raw}
