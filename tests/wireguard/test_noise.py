"""The handshake against cacophony's published vector, and against what must not open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from meshdht.errors import OpenFailed
from meshdht.wireguard.noise import Initiator, Responder, SessionKeys, StaticKey

VECTORS = Path(__file__).parent / "noise_vectors.json"
ALICE = StaticKey(bytes([1]) * 32)
BOB = StaticKey(bytes([2]) * 32)
PSK = bytes([3]) * 32


def vectors() -> list[Any]:
    found: list[Any] = json.loads(VECTORS.read_text())["vectors"]
    return found


def initiator() -> Initiator:
    return Initiator(ALICE, BOB.public, bytes([4]) * 32)


def respond(
    message: tuple[bytes, bytes, bytes], psk: bytes = PSK
) -> tuple[bytes, bytes, SessionKeys]:
    ephemeral, static, payload = message
    responder = Responder(BOB)
    responder.read_static(ephemeral, static)
    responder.read_payload(payload, BOB.exchange(ALICE.public))
    return responder.write_response(b"", psk, bytes([5]) * 32)


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["protocol_name"])
def test_the_published_vector_comes_out_byte_for_byte(vector: dict[str, Any]) -> None:
    prologue = bytes.fromhex(vector["init_prologue"])
    (psk,) = (bytes.fromhex(text) for text in vector["init_psks"])
    alice = StaticKey(bytes.fromhex(vector["init_static"]))
    bob = StaticKey(bytes.fromhex(vector["resp_static"]))
    assert bob.public.hex() == vector["init_remote_static"]
    messages = [
        (bytes.fromhex(message["payload"]), bytes.fromhex(message["ciphertext"]))
        for message in vector["messages"]
    ]

    first = Initiator(alice, bob.public, bytes.fromhex(vector["init_ephemeral"]), prologue=prologue)
    parts = first.write_initiation(messages[0][0], alice.exchange(bob.public))
    assert b"".join(parts) == messages[0][1]

    second = Responder(bob, prologue=prologue)
    assert second.read_static(parts[0], parts[1]) == alice.public
    assert second.read_payload(parts[2], bob.exchange(alice.public)) == messages[0][0]
    ephemeral, sealed, theirs = second.write_response(
        messages[1][0], psk, bytes.fromhex(vector["resp_ephemeral"])
    )
    assert ephemeral + sealed == messages[1][1]
    payload, ours = first.read_response(ephemeral, sealed, psk)
    assert payload == messages[1][0]
    assert ours.handshake_hash.hex() == theirs.handshake_hash.hex() == vector["handshake_hash"]

    for number, (plaintext, ciphertext) in enumerate(messages[2:]):
        nonce = bytes(4) + (number // 2).to_bytes(8, "little")
        sender, receiver = (ours, theirs) if number % 2 == 0 else (theirs, ours)
        assert ChaCha20Poly1305(sender.send).encrypt(nonce, plaintext, None) == ciphertext
        assert ChaCha20Poly1305(receiver.receive).decrypt(nonce, ciphertext, None) == plaintext


def test_x25519_agrees_with_rfc_7748_section_6_1() -> None:
    alice = StaticKey(
        bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    )
    bob = StaticKey(
        bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    )
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert alice.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert bob.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    assert alice.exchange(bob.public).hex() == bob.exchange(alice.public).hex() == shared


def test_a_response_to_another_psk_does_not_open() -> None:
    first = initiator()
    ephemeral, sealed, theirs = respond(first.write_initiation(b"now", ALICE.exchange(BOB.public)))
    with pytest.raises(OpenFailed):
        first.read_response(ephemeral, sealed, bytes(32))
    _, ours = first.read_response(ephemeral, sealed, PSK)
    assert ours.send == theirs.receive


def test_a_handshake_survives_a_forged_response() -> None:
    first = initiator()
    ephemeral, sealed, theirs = respond(first.write_initiation(b"now", ALICE.exchange(BOB.public)))
    for forged in (bytes(32), BOB.public):
        with pytest.raises(OpenFailed):
            first.read_response(forged, sealed, PSK)
    payload, ours = first.read_response(ephemeral, sealed, PSK)
    assert payload == b""
    assert (ours.send, ours.receive) == (theirs.receive, theirs.send)


def test_who_only_claims_a_static_key_is_found_out_by_the_payload() -> None:
    ephemeral, static, payload = initiator().write_initiation(b"now", bytes(32))
    responder = Responder(BOB)
    assert responder.read_static(ephemeral, static) == ALICE.public
    with pytest.raises(OpenFailed):
        responder.read_payload(payload, BOB.exchange(ALICE.public))


def test_an_initiation_for_somebody_else_does_not_open() -> None:
    ephemeral, static, _ = initiator().write_initiation(b"now", ALICE.exchange(BOB.public))
    with pytest.raises(OpenFailed):
        Responder(ALICE).read_static(ephemeral, static)


def test_a_point_of_small_order_is_refused() -> None:
    with pytest.raises(OpenFailed):
        ALICE.exchange(bytes(32))
