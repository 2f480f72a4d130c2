from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import VerifyKey
from meshdht.dht.messages import (
    NEVER,
    PADDED_SIZE,
    FindNode,
    FindValue,
    Nodes,
    Outcome,
    Ping,
    Pong,
    Reply,
    Request,
    Stored,
    StoreValue,
    Value,
    WireContact,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from meshdht.dht.proof import PROOF_SIZE
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import DHT_VALUE_BYTES
from meshdht.wire.packet import MAX_BODY_SIZE, MAX_DATAGRAM_SIZE, OVERHEAD

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/anchor.json").read_text())

ids = st.binary(min_size=20, max_size=20)
endpoints = st.builds(
    Endpoint,
    st.one_of(
        st.integers(0x0B000000, 0x0BFFFFFF).map(lambda n: f"11.{n >> 16 & 255}.{n >> 8 & 255}.1"),
        st.integers(1, 0xFFFF).map(lambda n: f"2001:db8::{n:x}"),
    ),
    st.integers(1, 65535),
)
contacts = st.lists(st.builds(WireContact, ids, endpoints), max_size=20).map(tuple)
values = st.binary(max_size=DHT_VALUE_BYTES)
sequences = st.integers(0, NEVER)
requests = st.one_of(
    st.just(Ping()),
    st.builds(FindNode, ids),
    st.builds(FindValue, ids, sequences),
    st.builds(StoreValue, ids, values),
)
replies = st.one_of(
    st.builds(Pong, st.none() | endpoints),
    st.builds(Nodes, contacts),
    st.builds(Value, sequences, st.binary(max_size=100), contacts),
    st.builds(Stored, st.sampled_from(Outcome), sequences),
)
FAR = WireContact(b"\x11" * 20, Endpoint("192.0.2.7", 51820))


@pytest.mark.parametrize(
    ("message", "golden"),
    [
        (Ping(), "01" + "00" * 27),
        (FindNode(b"\xaa" * 20), "02" + "aa" * 20),
        (FindValue(b"\xaa" * 20, 258), "03" + "aa" * 20 + "0000000000000102"),
        (StoreValue(b"\xaa" * 20, b"xyz"), "04" + "aa" * 20 + "0003" + "78797a"),
    ],
)
def test_requests_have_these_bytes(message: Request, golden: str) -> None:
    assert encode_request(message).hex() == golden


@pytest.mark.parametrize(
    ("message", "golden"),
    [
        (Pong(), "81"),
        (Pong(FAR.endpoint), "81" + "04c0000207ca6c"),
        (Nodes((FAR,)), "82" + "01" + "11" * 20 + "04c0000207ca6c"),
        (Value(3, b"xyz", ()), "83" + "0000000000000003" + "0003" + "78797a" + "00"),
        (Stored(Outcome.NOT_NEWER, 9), "84" + "02" + "0000000000000009" + "00"),
        (
            Stored(Outcome.STORED, 9, (FAR,)),
            "84" + "00" + "0000000000000009" + "01" + "11" * 20 + "04c0000207ca6c",
        ),
    ],
)
def test_replies_have_these_bytes(message: Reply, golden: str) -> None:
    assert encode_reply(message).hex() == golden


@given(requests)
def test_a_request_comes_back_as_it_was(request: Request) -> None:
    assert decode_request(encode_request(request)) == request


@given(replies)
def test_a_reply_comes_back_as_it_was(reply: Reply) -> None:
    assert decode_reply(encode_reply(reply)) == reply


@given(st.binary(max_size=200))
def test_junk_raises_malformed_and_nothing_else(junk: bytes) -> None:
    for decode in (decode_request, decode_reply):
        try:
            decode(junk)
        except Malformed:
            continue


@given(st.one_of(requests.map(encode_request), replies.map(encode_reply)), st.data())
def test_a_damaged_message_raises_malformed_and_nothing_else(
    body: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(body) - 1))
    damaged = bytearray(body)
    damaged[place] ^= data.draw(st.integers(1, 255))
    for decode in (decode_request, decode_reply):
        try:
            decode(bytes(damaged))
            decode(bytes(damaged[:place]))
        except Malformed:
            continue


def test_bytes_after_a_message_are_refused() -> None:
    with pytest.raises(Malformed):
        decode_request(encode_request(Ping()) + b"\0")
    with pytest.raises(Malformed):
        decode_reply(encode_reply(Pong()) + b"\0")


def test_a_padded_request_has_room_for_all_contacts_and_the_proof() -> None:
    told = tuple(
        WireContact(bytes([number]) * 20, Endpoint("192.0.2.7", 65535)) for number in range(20)
    )
    for request, reply in (
        (FindNode(bytes(20)), Nodes(told)),
        (FindValue(bytes(20), NEVER), Value(7, b"", told)),
    ):
        padded = encode_request(request, padded=True)
        assert len(padded) == PADDED_SIZE
        assert decode_request(padded) == request
        assert len(encode_reply(reply)) + PROOF_SIZE <= len(padded) + VerifyKey.SIZE
    store = StoreValue(bytes(20), b"value")
    assert encode_request(store, padded=True) == encode_request(store)


def test_no_pong_is_larger_than_its_ping() -> None:
    for host in ("192.0.2.7", "2001:db8::7"):
        assert len(encode_reply(Pong(Endpoint(host, 65535)))) <= len(encode_request(Ping()))


def test_a_value_over_the_limit_is_refused() -> None:
    with pytest.raises(Malformed):
        decode_request(encode_request(StoreValue(bytes(20), bytes(DHT_VALUE_BYTES + 1))))


def test_more_contacts_than_a_bucket_holds_are_refused() -> None:
    one = encode_reply(Nodes((FAR,)))[2:]
    with pytest.raises(Malformed):
        decode_reply(b"\x82\x15" + one * 21)


def test_the_largest_replies_fit_one_datagram_and_lose_the_farthest_contacts() -> None:
    many = tuple(
        WireContact(bytes([number]) * 20, Endpoint(f"2001:db8::{number:x}", 9))
        for number in range(1, 21)
    )
    everything = decode_reply(encode_reply(Nodes(many)))
    assert everything == Nodes(many)
    for size in (800, DHT_VALUE_BYTES):
        body = encode_reply(Value(1, bytes(size), many))
        assert len(body) <= MAX_BODY_SIZE
        assert len(body) + OVERHEAD <= MAX_DATAGRAM_SIZE
        reply = decode_reply(body)
        assert isinstance(reply, Value)
        assert 0 < len(reply.contacts) < 20
        assert reply.contacts == many[: len(reply.contacts)]


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint("224.0.0.1", 5),
        Endpoint("255.255.255.255", 5),
        Endpoint("0.0.0.0", 5),
        Endpoint("192.0.2.1", 0),
        Endpoint("::", 5),
        Endpoint("ff02::1", 5),
    ],
)
def test_contacts_that_are_not_one_host_are_passed_over(endpoint: Endpoint) -> None:
    told = Nodes((WireContact(bytes(20), endpoint), FAR))
    assert decode_reply(encode_reply(told)) == Nodes((FAR,))


def test_ping_and_pong_agree_with_the_published_vectors() -> None:
    assert encode_request(Ping()).hex() == VECTOR["ping"]
    for seen, pong in zip(VECTOR["seen_at"], VECTOR["pongs"], strict=True):
        assert encode_reply(Pong(Endpoint.parse(seen))).hex() == pong
        assert decode_reply(bytes.fromhex(pong)) == Pong(Endpoint.parse(seen))
