from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import device_box_key, seal
from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, OpenFailed, RemoteError
from meshdht.limits import RELEASE_MAX
from meshdht.wire.disco import (
    PLAINTEXT_SIZE,
    Asked,
    ProbeAnswer,
    open_probe,
    open_reply,
    seal_probe,
    seal_reply,
)
from meshdht.wire.packet import MessageKind

ALICE, BOB = SigningKey(b"a" * 32), SigningKey(b"b" * 32)
EVE = SigningKey(b"e" * 32)
A, B = ALICE.public.device_id, BOB.public.device_id
KEY = device_box_key(ALICE, BOB.public)
ID = b"12345678"
UNIX = 1_767_225_600
NONCE = SeededEntropy(1).token(24)
VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/bodies.json").read_text())


def test_probe_and_reply_agree_with_the_published_vector() -> None:
    one, other = (SigningKey(bytes.fromhex(seed)) for seed in VECTOR["device_seeds"])
    key = device_box_key(one, other.public)
    nonce, message_id = bytes.fromhex(VECTOR["nonce"]), bytes.fromhex(VECTOR["message_id"])
    ids = one.public.device_id, other.public.device_id
    observed = Endpoint.parse(VECTOR["observed"])
    assert seal_probe(key, nonce, *ids, message_id).hex() == VECTOR["probe"]
    answer = ProbeAnswer(observed, VECTOR["clock"], clock_is_sound=True)
    assert seal_reply(key, nonce, *ids, message_id, answer).hex() == VECTOR["probe_reply"]
    asked = Asked(misses=2, silence_s=110)
    sealed = seal_probe(key, nonce, *ids, message_id, asked).hex()
    assert sealed == VECTOR["probe_that_asks_for_silence"]
    told = seal_probe(key, nonce, *ids, message_id, Asked(release="0.1.0")).hex()
    assert told == VECTOR["probe_that_tells_its_release"]
    agreed = seal_reply(key, nonce, *ids, message_id, replace(answer, agrees=True)).hex()
    assert agreed == VECTOR["probe_reply_that_agrees"]
    relayed = seal_reply(key, nonce, *ids, message_id, replace(answer, is_relayed=True)).hex()
    assert relayed == VECTOR["probe_reply_by_a_relay"]


@pytest.mark.parametrize("text", ["192.0.2.7:51820", "[2001:db8::7]:1"])
def test_a_reply_tells_the_asker_its_own_address(text: str) -> None:
    for agrees, is_relayed in ((True, False), (False, True)):
        answer = ProbeAnswer(Endpoint.parse(text), UNIX, True, agrees, is_relayed)
        body = seal_reply(device_box_key(BOB, ALICE.public), NONCE, B, A, ID, answer)
        assert open_reply(KEY, body, B, A, ID) == answer


@pytest.mark.parametrize(("said", "read"), [(-5, 0), (0, 0), (UNIX, UNIX), (2**40, 2**32 - 1)])
@pytest.mark.parametrize("sound", [True, False])
def test_a_reply_tells_the_answerers_clock_and_what_it_thinks_of_it(
    said: int, read: int, *, sound: bool
) -> None:
    observed = Endpoint.parse("[2001:db8::7]:1")
    body = seal_reply(KEY, NONCE, B, A, ID, ProbeAnswer(observed, said, clock_is_sound=sound))
    assert open_reply(KEY, body, B, A, ID) == ProbeAnswer(observed, read, clock_is_sound=sound)


def test_a_probe_says_what_it_asks_and_what_was_lost_before_it() -> None:
    for asked in (Asked(), Asked(misses=3), Asked(silence_s=360)):
        assert open_probe(KEY, seal_probe(KEY, NONCE, A, B, ID, asked), A, B, ID) == asked
    many = seal_probe(KEY, NONCE, A, B, ID, Asked(misses=1000))
    assert open_probe(KEY, many, A, B, ID).misses == 255


def a_probe(content: bytes) -> bytes:
    """One as another implementation, or another release, may seal it."""
    plaintext = (ID + content).ljust(PLAINTEXT_SIZE, b"\0")
    return NONCE + seal(KEY, NONCE, plaintext, bytes([MessageKind.PROBE]) + A.raw + B.raw)


def test_a_probe_tells_which_release_its_sender_runs() -> None:
    asked = Asked(misses=1, silence_s=2, release="12.0rc1+local.7")
    assert open_probe(KEY, seal_probe(KEY, NONCE, A, B, ID, asked), A, B, ID) == asked
    long = seal_probe(KEY, NONCE, A, B, ID, Asked(release="1" * 100))
    assert open_probe(KEY, long, A, B, ID).release == "1" * RELEASE_MAX
    assert len(long) == len(seal_probe(KEY, NONCE, A, B, ID))


def test_a_probe_of_a_release_that_had_no_such_field_is_read() -> None:
    assert open_probe(KEY, a_probe(bytes([3, 0, 110])), A, B, ID) == Asked(3, 110)


@pytest.mark.parametrize("words", [b"\x1b[31mred", b"a b", "é".encode(), b"\xff", b"<b>", b"1\n"])
def test_what_no_release_is_called_is_taken_for_none(words: bytes) -> None:
    asked = open_probe(KEY, a_probe(bytes([3, 0, 0, len(words)]) + words), A, B, ID)
    assert asked == Asked(misses=3)


def test_a_release_that_claims_to_be_longer_than_there_is_room_for_costs_no_probe() -> None:
    assert open_probe(KEY, a_probe(bytes([3, 0, 0, 255]) + b"1" * 20), A, B, ID).misses == 3


def test_probe_and_reply_have_one_size() -> None:
    probe = seal_probe(KEY, NONCE, A, B, ID, Asked(release="0.1.0"))
    for text in ("192.0.2.7:51820", "[2001:db8::7]:1"):
        answer = ProbeAnswer(Endpoint.parse(text), UNIX, clock_is_sound=True)
        assert len(seal_reply(KEY, NONCE, B, A, ID, answer)) == len(probe)


def test_a_probe_cannot_be_reflected_as_one_of_the_receivers() -> None:
    probe = seal_probe(KEY, NONCE, A, B, ID)
    open_probe(KEY, probe, A, B, ID)
    with pytest.raises(OpenFailed):
        open_probe(KEY, probe, B, A, ID)


def test_a_probe_is_no_reply() -> None:
    with pytest.raises(OpenFailed):
        open_reply(KEY, seal_probe(KEY, NONCE, A, B, ID), A, B, ID)


def test_another_member_cannot_forge_a_probe() -> None:
    forged = seal_probe(device_box_key(EVE, BOB.public), NONCE, A, B, ID)
    with pytest.raises(OpenFailed):
        open_probe(KEY, forged, A, B, ID)


def test_the_boxed_message_id_is_the_packets() -> None:
    with pytest.raises(Malformed):
        open_probe(KEY, seal_probe(KEY, NONCE, A, B, ID), A, B, b"another!")


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_the_remote_error(body: bytes) -> None:
    with pytest.raises(RemoteError):
        open_reply(KEY, body, A, B, ID)
