from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import seal
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.errors import Malformed, OpenFailed
from meshdht.wire.classify import Traffic, classify
from meshdht.wire.packet import (
    MAX_BODY_SIZE,
    MAX_DATAGRAM_SIZE,
    ControlPacket,
    MessageKind,
    draw_nonce,
    open_packet,
    seal_packet,
)

VECTORS = Path(__file__).parents[2] / "docs" / "vectors" / "control-packet.json"
KEY = PacketKey(bytes(range(32)))


def a_packet(body: bytes = b"hello") -> ControlPacket:
    return ControlPacket(
        kind=MessageKind.PROBE,
        sender=DeviceId(b"s" * 20),
        sent_at_ms=1_700_000_000_000,
        message_id=b"m" * 8,
        token=b"t" * 8,
        echo=b"e" * 8,
        body=body,
    )


@given(
    kind=st.sampled_from(MessageKind),
    sender=st.binary(min_size=20, max_size=20),
    sent_at_ms=st.integers(0, 2**64 - 1),
    fields=st.tuples(*[st.binary(min_size=8, max_size=8)] * 3),
    body=st.binary(max_size=MAX_BODY_SIZE),
    seed=st.integers(0, 2**32),
)
def test_a_sealed_packet_opens_to_itself(
    kind: MessageKind,
    sender: bytes,
    sent_at_ms: int,
    fields: tuple[bytes, bytes, bytes],
    body: bytes,
    seed: int,
) -> None:
    packet = ControlPacket(kind, DeviceId(sender), sent_at_ms, *fields, body)
    datagram = seal_packet(packet, KEY, draw_nonce(SeededEntropy(seed)))
    assert open_packet(datagram, KEY) == packet
    assert len(datagram) <= MAX_DATAGRAM_SIZE


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_flipped_byte_anywhere_does_not_open(position: int, flip: int) -> None:
    datagram = bytearray(seal_packet(a_packet(), KEY, draw_nonce(SeededEntropy(1))))
    datagram[position % len(datagram)] ^= flip
    with pytest.raises(OpenFailed):
        open_packet(bytes(datagram), KEY)


@given(st.binary(max_size=1500))
def test_random_bytes_do_not_open(datagram: bytes) -> None:
    with pytest.raises(OpenFailed):
        open_packet(datagram, KEY)


@given(st.binary(max_size=80))
def test_a_members_nonsense_is_malformed_and_nothing_else(plaintext: bytes) -> None:
    nonce = draw_nonce(SeededEntropy(2))
    try:
        open_packet(nonce + seal(KEY, nonce, plaintext), KEY)
    except Malformed:
        return
    assert plaintext[0] == 1
    assert len(plaintext) >= 54


def test_a_body_that_does_not_fit_one_datagram_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        seal_packet(a_packet(bytes(MAX_BODY_SIZE + 1)), KEY, draw_nonce(SeededEntropy(3)))


def test_a_nonce_never_looks_like_another_protocol() -> None:
    class Stubborn(SeededEntropy):
        """Offers a WireGuard and a STUN look-alike first."""

        def __init__(self) -> None:
            super().__init__(4)
            self.offers = [b"\x04\0\0\0" + bytes(20), bytes(4) + b"\x21\x12\xa4\x42" + bytes(16)]

        def token(self, size: int) -> bytes:
            return self.offers.pop(0) if self.offers else super().token(size)

    assert classify(draw_nonce(Stubborn())) is Traffic.CONTROL


def test_the_documented_vector_opens_and_seals() -> None:
    vector = json.loads(VECTORS.read_text())
    key = PacketKey(bytes.fromhex(vector["packet_key"]))
    packet = open_packet(bytes.fromhex(vector["datagram"]), key)
    assert packet == ControlPacket(
        kind=MessageKind(vector["kind"]),
        sender=DeviceId(bytes.fromhex(vector["sender"])),
        sent_at_ms=vector["sent_at_ms"],
        message_id=bytes.fromhex(vector["message_id"]),
        token=bytes.fromhex(vector["token"]),
        echo=bytes.fromhex(vector["echo"]),
        body=bytes.fromhex(vector["body"]),
    )
    assert seal_packet(packet, key, bytes.fromhex(vector["nonce"])).hex() == vector["datagram"]
