"""Key roles, against the vectors of RFC 8032 and RFC 7748."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import (
    DeviceId,
    EpochKey,
    GossipKey,
    InviteKey,
    InvitePublicKey,
    LocatorKey,
    LogKey,
    NetworkId,
    NetworkSecret,
    PacketKey,
    PresharedKey,
    RecordKey,
    Secret,
    SigningKey,
    VerifyKey,
    WireGuardPrivateKey,
    WireGuardPublicKey,
    verify_ed25519,
)
from meshdht.crypto.sodium import call, libnacl
from meshdht.errors import BadSignature, Malformed

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/derivations.json").read_text())
NETWORK = NetworkId(bytes(range(32)))
OTHER_NETWORK = NetworkId(bytes(32))

# RFC 8032, section 7.1: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
        "cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d"
        "0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7609"
        "84dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

# RFC 7748, section 6.1: private key, public key.
RFC_7748 = [
    (
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    ),
    (
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ),
]

SECRETS: list[type[Secret]] = [
    SigningKey,
    InviteKey,
    WireGuardPrivateKey,
    NetworkSecret,
    PacketKey,
    LocatorKey,
    LogKey,
    RecordKey,
    GossipKey,
    EpochKey,
    PresharedKey,
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_ed25519_agrees_with_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert key.public.raw.hex() == public
    assert libnacl.crypto_sign_detached(bytes.fromhex(message), key.expanded).hex() == signature
    verify_ed25519(key.public.raw, bytes.fromhex(message), bytes.fromhex(signature))


@pytest.mark.parametrize(("private", "public"), RFC_7748)
def test_x25519_agrees_with_rfc_7748(private: str, public: str) -> None:
    assert WireGuardPrivateKey(bytes.fromhex(private)).public.raw.hex() == public


def test_x25519_of_an_arbitrary_point_agrees_with_rfc_7748() -> None:
    scalar = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    point = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    product = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    assert call("crypto_scalarmult", 32, scalar, point).hex() == product


@pytest.mark.parametrize("role", SECRETS)
def test_a_secret_never_shows_in_text(role: type[Secret]) -> None:
    raw = bytes(range(32))
    key = role(raw)
    shown = f"{key!r} {key} {[key]}"
    assert role.__name__ in shown
    assert "\\x01" not in shown
    assert raw.hex() not in shown


@pytest.mark.parametrize("role", SECRETS)
def test_a_key_has_one_length(role: type[Secret]) -> None:
    with pytest.raises(Malformed, match="32 bytes, not 31"):
        role(bytes(31))


def test_keys_of_two_roles_are_never_equal() -> None:
    raw = bytes(range(32))
    assert PacketKey(raw) == PacketKey(raw)
    assert PacketKey(raw) != RecordKey(raw)
    assert VerifyKey(raw) != InvitePublicKey(raw)
    assert PacketKey(raw) != raw
    assert len({PacketKey(raw), RecordKey(raw), PacketKey(raw)}) == 2


def test_keys_compare_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("meshdht.crypto.keys.hmac.compare_digest", compare)
    assert PacketKey(bytes(32)) != PacketKey(bytes(31) + b"\1")
    assert compared == [(bytes(32), bytes(31) + b"\1")]


def test_a_signature_is_bound_to_context_network_message_and_key() -> None:
    entropy = SeededEntropy(1)
    key, other = SigningKey.generate(entropy), SigningKey.generate(entropy)
    signature = key.sign("record", NETWORK, b"message")
    key.public.verify("record", NETWORK, b"message", signature)
    for public, context, network, message in [
        (key.public, "statement", NETWORK, b"message"),
        (key.public, "record", OTHER_NETWORK, b"message"),
        (key.public, "record", NETWORK, b"massage"),
        (other.public, "record", NETWORK, b"message"),
    ]:
        with pytest.raises(BadSignature):
            public.verify(context, network, message, signature)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_other_bytes_are_no_signature(public: bytes, signature: bytes) -> None:
    with pytest.raises(BadSignature):
        verify_ed25519(public.ljust(32, b"\1")[:32], b"message", signature)


def test_the_identity_point_verifies_nothing() -> None:
    identity = b"\1" + bytes(31)
    with pytest.raises(BadSignature):
        verify_ed25519(identity, b"message", identity + bytes(32))


def test_a_device_id_reads_back_from_its_text() -> None:
    device = SigningKey(bytes(range(32))).public.device_id
    assert len(str(device)) == 32
    assert DeviceId.parse(str(device)) == device
    for text in ("", "a" * 31, "1" * 32, str(device) + "a", "é" * 32):
        with pytest.raises(Malformed):
            DeviceId.parse(text)


def test_derivations_agree_with_the_published_vectors() -> None:
    secret = NetworkSecret(bytes.fromhex(VECTOR["network_secret"]))
    for name in ("packet_key", "locator_key", "record_key", "gossip_key", "epoch_key"):
        assert getattr(secret, name).raw.hex() == VECTOR[name]
    tunnels = [
        WireGuardPrivateKey(bytes.fromhex(each)).public for each in VECTOR["wireguard_private_keys"]
    ]
    assert [tunnel.raw.hex() for tunnel in tunnels] == VECTOR["wireguard_public_keys"]
    assert secret.preshared_key(*tunnels).raw.hex() == VECTOR["preshared_key"]


def test_device_ids_and_signatures_agree_with_the_published_vectors() -> None:
    devices = [SigningKey(bytes.fromhex(seed)) for seed in VECTOR["device_seeds"]]
    assert [device.public.raw.hex() for device in devices] == VECTOR["device_keys"]
    assert [str(device.public.device_id) for device in devices] == VECTOR["device_ids"]
    assert device_box_key(devices[1], devices[0].public).raw.hex() == VECTOR["device_box_key"]
    network = NetworkId(bytes.fromhex(VECTOR["network_id"]))
    message = bytes.fromhex(VECTOR["signature_message"])
    signature = devices[0].sign(VECTOR["signature_context"], network, message)
    assert signature.hex() == VECTOR["signature"]


def test_the_keys_of_a_generation_differ_from_each_other() -> None:
    secret = NetworkSecret(bytes(range(32)))
    keys = [
        secret.packet_key,
        secret.locator_key,
        secret.record_key,
        secret.gossip_key,
        secret.epoch_key,
    ]
    assert len({key.raw for key in keys} | {secret.raw}) == 6


def test_a_preshared_key_is_the_same_from_either_side() -> None:
    secret = NetworkSecret(bytes(range(32)))
    one, other, third = (WireGuardPublicKey(bytes([value]) * 32) for value in (1, 2, 3))
    assert secret.preshared_key(one, other) == secret.preshared_key(other, one)
    assert secret.preshared_key(one, other) != secret.preshared_key(one, third)


@given(st.binary(max_size=900), st.binary(max_size=900))
def test_a_mark_is_for_one_statement_under_one_devices_key(one: bytes, other: bytes) -> None:
    key, stranger = SigningKey(bytes(32)).log_key, SigningKey(bytes([1] * 32)).log_key
    assert isinstance(key, LogKey)
    assert key.has_marked(one, key.mark(one))
    assert key.has_marked(other, key.mark(one)) == (one == other)
    assert not key.has_marked(one, stranger.mark(one))
    assert not key.has_marked(one, key.mark(one)[:-1])
    assert not key.has_marked(one, None)
