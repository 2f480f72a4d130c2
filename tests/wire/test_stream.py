from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import PacketKey
from meshdht.errors import Malformed, OpenFailed
from meshdht.wire.stream import (
    GREETING_HEADER,
    GREETING_SIZE,
    MAIN_PORT,
    FrameReader,
    answer,
    check_answer,
    check_greeting,
    frame,
    frames_of,
    greet,
)

KEY, OTHER = PacketKey(bytes(32)), PacketKey(bytes(31) + b"\1")
NONCE, NONCE_2 = bytes(range(24)), bytes(range(24, 48))
VECTOR = json.loads((Path(__file__).parents[2] / "docs" / "vectors" / "stream.json").read_text())

datagrams = st.lists(st.tuples(st.integers(0, 65535), st.binary(min_size=1, max_size=40)))


def _read(reader: FrameReader, data: bytes) -> list[tuple[int, bytes]]:
    return [(port, bytes(datagram)) for port, datagram in reader.feed(data)]


@given(datagrams, st.lists(st.integers(1, 50)))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(
    sent: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(frame(port, datagram) for port, datagram in sent)
    reader, got = FrameReader(), []
    for size in cuts:
        got += _read(reader, stream[:size])
        stream = stream[size:]
    assert got + _read(reader, stream) == sent


@given(st.binary(min_size=1, max_size=300), st.integers(1, 100))
def test_a_train_is_framed_as_its_datagrams_one_by_one(train: bytes, each: int) -> None:
    pieces = [train[start : start + each] for start in range(0, len(train), each)]
    assert frames_of(7, memoryview(train), each) == b"".join(frame(7, each) for each in pieces)


def test_an_empty_frame_is_malformed() -> None:
    with pytest.raises(Malformed):
        FrameReader().feed(b"\0\1\0\0")


def test_greetings_say_that_both_hold_the_packet_key() -> None:
    greeting = greet(KEY, NONCE)
    assert frame(MAIN_PORT, greeting).startswith(GREETING_HEADER)
    assert len(greeting) == GREETING_SIZE
    asked = check_greeting(KEY, greeting)
    check_answer(KEY, answer(KEY, NONCE_2, asked), NONCE)


def test_a_greeting_under_another_key_or_in_another_role_opens_nothing() -> None:
    for wrong in (greet(OTHER, NONCE), answer(KEY, NONCE_2, NONCE), b"", bytes(GREETING_SIZE)):
        with pytest.raises(OpenFailed):
            check_greeting(KEY, wrong)
    for wrong in (greet(KEY, NONCE), answer(KEY, NONCE, NONCE_2), answer(OTHER, NONCE_2, NONCE)):
        with pytest.raises(OpenFailed):
            check_answer(KEY, wrong, NONCE)


def test_the_greetings_are_those_of_the_protocol_page() -> None:
    key = PacketKey(bytes.fromhex(VECTOR["packet_key"]))
    asks, answers = (bytes.fromhex(VECTOR[each]) for each in ("nonce_asks", "nonce_answers"))
    assert frame(MAIN_PORT, greet(key, asks)).hex() == VECTOR["greeting"]
    assert frame(MAIN_PORT, answer(key, answers, asks)).hex() == VECTOR["answer"]
    assert frame(51820, b"datagram").hex() == VECTOR["frame"]
