from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import PacketKey, SigningKey
from meshdht.dht.proof import (
    ASKS,
    PROOF_SIZE,
    REPLY_TAG_SIZE,
    TAGGED,
    Proof,
    split_request,
)
from meshdht.errors import BadSignature, Malformed, RemoteError
from tests.dht.support import PACKET_KEY, key_pair

REQUEST, REPLY, MESSAGE_ID = b"\x02" + b"t" * 20, b"\x82\x00", b"message!"


def proof(number: int) -> Proof:
    return Proof(key_pair(number), PACKET_KEY)


def reply_of(replier: Proof, asker: Proof, request: bytes, reply: bytes = REPLY) -> bytes:
    _, key = split_request(request, asker.own_id)
    return replier.proved(reply, request, MESSAGE_ID, asker.own_id, key)


def test_the_first_reply_brings_the_key_that_later_replies_are_told_by() -> None:
    asker, replier = proof(1), proof(2)
    assert not asker.has(replier.own_id)
    first = asker.asking(REQUEST)
    assert split_request(first, asker.own_id) == (REQUEST, key_pair(1).public)
    reply = reply_of(replier, asker, first)
    assert len(reply) == len(REPLY) + PROOF_SIZE
    assert asker.checked(reply, first, MESSAGE_ID, replier.own_id) == REPLY
    assert asker.has(replier.own_id)
    tagged = reply_of(replier, asker, REQUEST)
    assert len(tagged) == len(REPLY) + REPLY_TAG_SIZE
    assert asker.checked(tagged, REQUEST, MESSAGE_ID, replier.own_id) == REPLY


def test_the_bytes_are_those_of_the_vectors() -> None:
    text = (Path(__file__).parents[2] / "docs/vectors/dht-proof.json").read_text()
    vector = {name: bytes.fromhex(each) for name, each in json.loads(text).items()}
    packet_key, message_id = PacketKey(vector["packet_key"]), vector["message_id"]
    asker = Proof(SigningKey(vector["asker_seed"]), packet_key)
    replier = Proof(SigningKey(vector["replier_seed"]), packet_key)
    assert asker.asking(vector["request"]) == vector["asking_request"]
    for request, reply in (("asking_request", "proved_reply"), ("tagged_request", "tagged_reply")):
        _, key = split_request(vector[request], asker.own_id)
        made = replier.proved(vector["reply"], vector[request], message_id, asker.own_id, key)
        assert made == vector[reply]
        plain = asker.checked(made, vector[request], message_id, replier.own_id)
        assert plain == vector["reply"]
    tagged = asker.tagged(vector["request"], message_id, replier.own_id)
    assert tagged == vector["tagged_request"]
    assert replier.wrote(asker.own_id, tagged, message_id)


def test_a_tagged_request_shows_whose_it_is() -> None:
    asker, replier, other = proof(1), proof(2), proof(3)
    for each in (asker, other):
        first = each.asking(REQUEST)
        each.checked(reply_of(replier, each, first), first, MESSAGE_ID, replier.own_id)
    tagged = asker.tagged(REQUEST, MESSAGE_ID, replier.own_id)
    assert split_request(tagged, asker.own_id) == (REQUEST, None)
    assert replier.wrote(asker.own_id, tagged, MESSAGE_ID)
    assert not replier.wrote(asker.own_id, REQUEST, MESSAGE_ID)
    assert not replier.wrote(other.own_id, tagged, MESSAGE_ID)
    assert not replier.wrote(asker.own_id, tagged, b"another!")
    assert not other.wrote(asker.own_id, tagged, MESSAGE_ID)
    for place in range(1, len(tagged)):
        bent = bytearray(tagged)
        bent[place] ^= 1
        assert not replier.wrote(asker.own_id, bytes(bent), MESSAGE_ID)


def test_a_request_cut_short_of_its_tag_is_refused() -> None:
    with pytest.raises(Malformed):
        split_request(bytes([1 | TAGGED]) * REPLY_TAG_SIZE, proof(1).own_id)


def test_a_replier_that_has_restarted_gives_the_same_tags() -> None:
    asker = proof(1)
    first = asker.asking(REQUEST)
    asker.checked(reply_of(proof(2), asker, first), first, MESSAGE_ID, proof(2).own_id)
    tagged = reply_of(proof(2), asker, REQUEST)
    assert asker.checked(tagged, REQUEST, MESSAGE_ID, proof(2).own_id) == REPLY


@pytest.mark.parametrize("asks", [True, False])
def test_a_reply_holds_for_its_sender_request_and_message_alone(asks: bool) -> None:
    asker, replier, other = proof(1), proof(2), proof(3)
    for each in (replier, other):
        first = asker.asking(REQUEST)
        asker.checked(reply_of(each, asker, first), first, MESSAGE_ID, each.own_id)
    request = asker.asking(REQUEST) if asks else REQUEST
    reply = reply_of(replier, asker, request)
    elsewhere = asker.asking(b"\x02" + b"u" * 20) if asks else b"\x02" + b"u" * 20
    for taken in (
        (reply, request, MESSAGE_ID, other.own_id),
        (reply, elsewhere, MESSAGE_ID, replier.own_id),
        (reply, request, b"another!", replier.own_id),
        (reply_of(replier, other, other.asking(REQUEST)), request, MESSAGE_ID, replier.own_id),
    ):
        with pytest.raises(RemoteError):
            asker.checked(*taken)
    for place in range(len(reply)):
        bent = bytearray(reply)
        bent[place] ^= 1
        with pytest.raises(RemoteError):
            asker.checked(bytes(bent), request, MESSAGE_ID, replier.own_id)
    assert asker.checked(reply, request, MESSAGE_ID, replier.own_id) == REPLY


def test_who_passes_a_proof_on_learns_no_reply_key() -> None:
    asker, replier, between = proof(1), proof(2), proof(3)
    first = asker.asking(REQUEST)
    passed_on = reply_of(replier, asker, first)
    with pytest.raises(RemoteError):
        between.checked(passed_on, first, MESSAGE_ID, replier.own_id)
    asker.checked(passed_on, first, MESSAGE_ID, replier.own_id)
    own = between.asking(REQUEST)
    between.checked(reply_of(replier, between, own), own, MESSAGE_ID, replier.own_id)
    forged = b"\x82\x01" + between._reply_keys[replier.own_id][:REPLY_TAG_SIZE]
    with pytest.raises(BadSignature):
        asker.checked(forged, REQUEST, MESSAGE_ID, replier.own_id)
    assert between._reply_keys[replier.own_id] != asker._reply_keys[replier.own_id]


def test_one_network_s_proofs_are_none_in_another() -> None:
    asker = Proof(key_pair(1), PacketKey(bytes(32)))
    first = asker.asking(REQUEST)
    with pytest.raises(RemoteError):
        asker.checked(reply_of(proof(2), asker, first), first, MESSAGE_ID, proof(2).own_id)


def test_a_key_that_is_not_the_senders_is_refused() -> None:
    with pytest.raises(BadSignature):
        split_request(proof(1).asking(REQUEST), proof(2).own_id)
    with pytest.raises(Malformed):
        split_request(bytes([1 | ASKS]) * 32, proof(2).own_id)


def test_a_key_off_the_curve_is_refused() -> None:
    with pytest.raises(RemoteError):
        proof(1).proved(REPLY, REQUEST, MESSAGE_ID, bytes(20), type(key_pair(1).public)(bytes(32)))


@given(st.binary(max_size=120))
def test_junk_raises_nothing_but_remote_errors(body: bytes) -> None:
    asker = proof(1)
    with pytest.raises(RemoteError):
        asker.checked(body, REQUEST, MESSAGE_ID, proof(2).own_id)
    try:
        plain, key = split_request(body, asker.own_id)
        assert key is None
        assert plain == body or body[0] & TAGGED
    except RemoteError:
        assert body[0] & (ASKS | TAGGED)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshdht.dht.proof.DHT_REPLY_KEYS", 4)
    monkeypatch.setattr("meshdht.dht.proof.DHT_BOX_KEYS", 4)
    asker = proof(1)
    for number in range(2, 12):
        first = asker.asking(REQUEST)
        asker.checked(
            reply_of(proof(number), asker, first), first, MESSAGE_ID, proof(number).own_id
        )
    assert len(asker._reply_keys) == len(asker._box_keys) == 4
    assert asker.has(proof(11).own_id)
