"""The beacon's bytes: one size, noise to strangers, and nothing but what the protocol says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.boxes import seal
from meshdht.crypto.keys import BeaconKey, DeviceId, NetworkSecret
from meshdht.errors import Malformed, OpenFailed, RemoteError
from meshdht.wire.beacon import BEACON_SIZE, Beacon, open_beacon, seal_beacon

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/beacon.json").read_text())
KEY = BeaconKey(bytes(range(32)))
NONCE = bytes(24)
BEACON = Beacon(DeviceId(b"d" * 20), 41820, 1_800_000_000_000)


def test_the_vector() -> None:
    secret = NetworkSecret(bytes.fromhex(VECTOR["network_secret"]))
    key = secret.beacon_key(int(VECTOR["epoch"]))
    assert key.raw.hex() == VECTOR["beacon_key"]
    beacon = open_beacon(bytes.fromhex(VECTOR["datagram"]), key)
    assert str(beacon.device) == VECTOR["device"]
    assert beacon.port == VECTOR["port"]
    assert str(beacon.sent_at_ms) == VECTOR["sent_at_ms"]
    nonce = bytes.fromhex(VECTOR["nonce"])
    assert seal_beacon(beacon, key, nonce).hex() == VECTOR["datagram"]


@given(st.binary(min_size=20, max_size=20), st.integers(1, 65535), st.integers(0, 2**64 - 1))
def test_what_is_sealed_is_what_is_opened_and_all_have_one_size(
    device: bytes, port: int, sent_at_ms: int
) -> None:
    beacon = Beacon(DeviceId(device), port, sent_at_ms)
    datagram = seal_beacon(beacon, KEY, NONCE)
    assert len(datagram) == BEACON_SIZE
    assert open_beacon(datagram, KEY) == beacon


def test_another_key_opens_nothing() -> None:
    with pytest.raises(OpenFailed):
        open_beacon(seal_beacon(BEACON, KEY, NONCE), BeaconKey(bytes(32)))


def test_keys_of_two_epochs_are_unrelated() -> None:
    secret = NetworkSecret(bytes(range(32)))
    assert secret.beacon_key(7) != secret.beacon_key(8)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(RemoteError):
        open_beacon(data, KEY)


@pytest.mark.parametrize(
    ("at", "value", "reason"), [(0, 2, "version"), (39, 1, "padding"), (21, 0, "port")]
)
def test_a_members_beacon_that_makes_no_sense_is_malformed(
    at: int, value: int, reason: str
) -> None:
    plaintext = bytearray(bytes([1]) + b"d" * 20 + bytes([0, 1]) + bytes(8) + bytes(9))
    plaintext[at] = value
    if reason == "port":
        plaintext[22] = 0
    with pytest.raises(Malformed, match=reason):
        open_beacon(NONCE + seal(KEY, NONCE, bytes(plaintext)), KEY)
