from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import DeviceId, SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, OpenFailed, RemoteError
from meshdht.wire.nat import (
    BODY_SIZE,
    Between,
    NatReply,
    NatRequest,
    NatTask,
    decode_reply,
    decode_request,
)
from meshdht.wire.packet import MessageKind

ALICE, BOB = SigningKey(b"a" * 32), SigningKey(b"b" * 32)
A, B = ALICE.public.device_id, BOB.public.device_id
OUT = Between(device_box_key(ALICE, BOB.public), A, B)
IN = Between(device_box_key(BOB, ALICE.public), A, B)
BACK = Between(device_box_key(BOB, ALICE.public), B, A)
ID = b"12345678"
NONCE = SeededEntropy(1).token(24)
VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/nat.json").read_text())
ENDPOINTS = ["192.0.2.7:51820", "[2001:db8:1:2:3:4:5:6]:65535"]


def test_all_three_agree_with_the_published_vector() -> None:
    one, other = (SigningKey(bytes.fromhex(seed)) for seed in VECTOR["device_seeds"])
    ids = one.public.device_id, other.public.device_id
    between = Between(device_box_key(one, other.public), *ids)
    nonce, message_id, token = (
        bytes.fromhex(VECTOR[each]) for each in ("nonce", "message_id", "token")
    )
    endpoint = Endpoint.parse(VECTOR["endpoint"])
    request = NatRequest(NatTask.ON_BEHALF, token, ids[0], endpoint)
    sealed = between.seal(MessageKind.NAT_REQUEST, nonce, message_id, request.encode())
    assert sealed.hex() == VECTOR["request"]
    reply = NatReply(True, endpoint).encode()
    assert between.seal(MessageKind.NAT_REPLY, nonce, message_id, reply).hex() == VECTOR["reply"]
    assert between.seal(MessageKind.NAT_PROBE, nonce, token).hex() == VECTOR["probe"]


@pytest.mark.parametrize("task", NatTask)
@pytest.mark.parametrize("where", ENDPOINTS)
def test_a_request_and_its_reply_say_what_they_said_in_one_size(task: NatTask, where: str) -> None:
    request = NatRequest(task, b"tokentok", DeviceId(b"d" * 20), Endpoint.parse(where))
    body = OUT.seal(MessageKind.NAT_REQUEST, NONCE, ID, request.encode())
    assert decode_request(IN.open(MessageKind.NAT_REQUEST, body, ID)) == request
    reply = NatReply(True, Endpoint.parse(where))
    answer = BACK.seal(MessageKind.NAT_REPLY, NONCE, ID, reply.encode())
    reader = Between(OUT.key, B, A).open(MessageKind.NAT_REPLY, answer, ID)
    assert decode_reply(reader) == reply
    probe = OUT.seal(MessageKind.NAT_PROBE, NONCE, ID)
    assert len(body) == len(answer) == len(probe) == BODY_SIZE


def test_a_body_serves_for_no_other_kind_direction_or_packet() -> None:
    body = OUT.seal(MessageKind.NAT_PROBE, NONCE, ID)
    with pytest.raises(OpenFailed):
        IN.open(MessageKind.NAT_REPLY, body, ID)
    with pytest.raises(OpenFailed):
        BACK.open(MessageKind.NAT_PROBE, body, ID)
    with pytest.raises(Malformed):
        IN.open(MessageKind.NAT_PROBE, body, b"87654321")


def test_a_task_that_is_none_is_refused() -> None:
    content = b"\x09" + NatRequest(NatTask.WITNESS, bytes(8)).encode()[1:]
    body = OUT.seal(MessageKind.NAT_REQUEST, NONCE, ID, content)
    with pytest.raises(Malformed, match="code 9"):
        decode_request(IN.open(MessageKind.NAT_REQUEST, body, ID))


@given(st.binary(max_size=160))
def test_any_other_bytes_are_refused_in_order(body: bytes) -> None:
    with pytest.raises(RemoteError):
        IN.open(MessageKind.NAT_REQUEST, body, ID)
