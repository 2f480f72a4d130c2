from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import DeviceId, GossipKey, SigningKey, VerifyKey
from meshdht.errors import Malformed, OpenFailed
from meshdht.gossip.messages import (
    MAX_HEADS,
    MAX_PLAINTEXT_SIZE,
    MAX_SEQUENCES,
    MAX_WANTED,
    Applicant,
    Call,
    Denial,
    Fetch,
    Message,
    Record,
    Statements,
    Sync,
    Want,
    decode,
    encode,
    open_gossip,
    seal_gossip,
)
from meshdht.limits import DENIAL_REASON_MAX
from meshdht.wire.call import BOX_SIZE

KEY = GossipKey(b"g" * 32)
SENDER = DeviceId(b"s" * 20)
HASHES = st.binary(min_size=32, max_size=32)
DEVICES = st.binary(min_size=20, max_size=20).map(DeviceId)


def tuples(elements: st.SearchStrategy[object], most: int) -> st.SearchStrategy[object]:
    return st.lists(elements, max_size=most).map(tuple)


MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Sync,
        answer=st.booleans(),
        log_digest=HASHES,
        heads=tuples(HASHES, MAX_HEADS),
        sequences=tuples(st.tuples(DEVICES, st.integers(0, 2**64 - 1)), MAX_SEQUENCES),
    ),
    st.builds(Fetch, tuples(HASHES, MAX_HEADS)),
    st.builds(Statements, tuples(st.binary(max_size=300), 3)),
    st.builds(Record, DEVICES, st.integers(0, 2**64 - 1), st.binary(min_size=800, max_size=800)),
    st.builds(Want, tuples(DEVICES, MAX_WANTED)),
    st.builds(Applicant, st.binary(max_size=600)),
    st.builds(
        Denial,
        st.binary(min_size=32, max_size=32).map(VerifyKey),
        st.text(max_size=DENIAL_REASON_MAX),
    ),
    st.builds(
        Call, st.integers(0, 255), DEVICES, DEVICES, st.binary(min_size=BOX_SIZE, max_size=BOX_SIZE)
    ),
)


VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/bodies.json").read_text())


def test_a_sync_agrees_with_the_published_vector() -> None:
    key = GossipKey(bytes.fromhex(VECTOR["gossip_key"]))
    sender = SigningKey(bytes.fromhex(VECTOR["device_seeds"][0])).public.device_id
    message = open_gossip(key, sender, bytes.fromhex(VECTOR["sync"]))
    assert encode(message).hex() == VECTOR["sync_plaintext"]
    assert seal_gossip(key, bytes.fromhex(VECTOR["nonce"]), sender, message).hex() == VECTOR["sync"]
    assert isinstance(message, Sync)
    alone = replace(message, sequences=(), log_alone=True)
    assert encode(alone).hex() == VECTOR["sync_log_alone_plaintext"]
    assert decode(encode(alone)) == alone


def test_a_call_on_its_way_agrees_with_the_published_vector() -> None:
    key = GossipKey(bytes.fromhex(VECTOR["gossip_key"]))
    nas, laptop = (
        SigningKey(bytes.fromhex(seed)).public.device_id for seed in VECTOR["device_seeds"]
    )
    call = Call(3, nas, laptop, bytes.fromhex(VECTOR["call_box"]))
    body = seal_gossip(key, bytes.fromhex(VECTOR["nonce"]), nas, call)
    assert body.hex() == VECTOR["call"]
    assert open_gossip(key, nas, body) == call


def test_what_is_said_of_applicants_agrees_with_the_published_vectors() -> None:
    key = GossipKey(bytes.fromhex(VECTOR["gossip_key"]))
    nas, laptop = (SigningKey(bytes.fromhex(seed)).public for seed in VECTOR["device_seeds"])
    claim = bytes.fromhex(VECTOR["applicant_claim"])
    for name, message in (
        ("applicant", Applicant(claim)),
        ("denial", Denial(laptop, VECTOR["denial_reason"])),
    ):
        body = seal_gossip(key, bytes.fromhex(VECTOR["nonce"]), nas.device_id, message)
        assert body.hex() == VECTOR[name]
        assert open_gossip(key, nas.device_id, body) == message


@given(MESSAGES)
def test_a_message_is_read_as_it_was_written_and_fits_a_datagram(message: Message) -> None:
    assert decode(encode(message)) == message
    assert len(encode(message)) <= MAX_PLAINTEXT_SIZE


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_malformed(plaintext: bytes) -> None:
    try:
        message = decode(plaintext)
    except Malformed:
        return
    assert decode(encode(message)) == message


def test_an_anchor_that_holds_no_gossip_key_opens_nothing() -> None:
    body = seal_gossip(KEY, bytes(24), SENDER, Fetch(()))
    assert open_gossip(KEY, SENDER, body) == Fetch(())
    with pytest.raises(OpenFailed):
        open_gossip(GossipKey(b"x" * 32), SENDER, body)


def test_a_body_opens_only_under_its_senders_name() -> None:
    body = seal_gossip(KEY, bytes(24), SENDER, Fetch(()))
    with pytest.raises(OpenFailed):
        open_gossip(KEY, DeviceId(b"o" * 20), body)
