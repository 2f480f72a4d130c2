"""Handing the secret over to a joiner, and what the joiner checks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import InviteKey, NetworkId, NetworkSecret
from meshdht.errors import Malformed, Refused
from meshdht.membership.generations import (
    AnchorHandOver,
    Generation,
    HandOver,
    decode_anchor_hand_over,
    decode_hand_over,
    refuse_hand_over,
)
from meshdht.membership.statements import StatementHash
from tests.membership.household import Household, signing_key

VECTORS = Path(__file__).parents[2] / "docs/vectors"
VECTOR = json.loads((VECTORS / "membership.json").read_text())
SECRET = NetworkSecret(bytes(range(32)))


def _check(household: Household, admit: StatementHash, own: int, admitter: int) -> None:
    refuse_hand_over(
        HandOver(Generation(1, SECRET), admit),
        log=household.log,
        roster=household.roster(),
        own=signing_key(own).public,
        admitter=signing_key(admitter).public,
    )


def test_a_hand_over_agrees_with_the_published_vector() -> None:
    hand_over = decode_hand_over(bytes.fromhex(VECTOR["hand_over"]))
    assert hand_over.generation.secret.raw.hex() == VECTOR["network_secret"]
    assert hand_over.generation.number == 1
    assert hand_over.admit.hex() == VECTOR["hashes"][2]


def test_an_anchors_hand_over_agrees_with_the_published_vector() -> None:
    vector = json.loads((VECTORS / "anchor.json").read_text())
    hand_over = decode_anchor_hand_over(bytes.fromhex(vector["hand_over"]))
    secret = NetworkSecret(bytes.fromhex(vector["network_secret"]))
    invite = InviteKey(bytes.fromhex(vector["invite_seed"])).invite_public
    welcome = secret.anchor_welcome(invite)
    assert hand_over == AnchorHandOver(1, secret.packet_key, welcome, welcome)
    assert hand_over.encode().hex() == vector["hand_over"]
    for withheld in (secret, secret.gossip_key, secret.record_key, secret.locator_key):
        assert withheld.raw not in hand_over.encode()


@given(st.binary(max_size=80))
def test_any_bytes_are_an_anchors_hand_over_or_malformed(data: bytes) -> None:
    try:
        assert decode_anchor_hand_over(data).encode() == data
    except Malformed:
        pass


@given(
    st.integers(0, 2**32 - 1),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
)
def test_a_hand_over_reads_back(number: int, secret: bytes, admit: bytes) -> None:
    hand_over = HandOver(Generation(number, NetworkSecret(secret)), StatementHash(admit))
    assert decode_hand_over(hand_over.encode()) == hand_over


@given(st.binary(max_size=100))
def test_any_bytes_are_a_hand_over_or_malformed(data: bytes) -> None:
    try:
        assert decode_hand_over(data).encode() == data
    except Malformed:
        pass


def test_a_hand_over_does_not_show_the_secret() -> None:
    assert "<NetworkSecret>" in repr(HandOver(Generation(1, SECRET), StatementHash(bytes(32))))


def test_the_log_must_bear_a_hand_over_out() -> None:
    household = Household()
    invite = household.invite(0, uses=2)
    admit = household.admit(1)
    other = household.admit(2)
    _check(household, admit.hash, own=1, admitter=0)
    _check(household, admit.hash, own=1, admitter=2)
    for statement, own, admitter, reason in [
        (StatementHash(bytes(32)), 1, 0, "lacks the statement"),
        (invite.hash, 1, 0, "lacks the statement"),
        (other.hash, 1, 0, "does not admit this device"),
        (admit.hash, 1, 9, "is no member"),
    ]:
        with pytest.raises(Refused, match=reason):
            _check(household, statement, own, admitter)


def test_a_loser_of_a_race_is_told() -> None:
    household = Household()
    invite = household.invite(0)
    admits = {device: household.admit(device, parents=[invite.hash]) for device in (1, 2)}
    loser = next(device for device in admits if device not in household.members())
    with pytest.raises(Refused, match="another one used the invite first"):
        _check(household, admits[loser].hash, own=loser, admitter=0)


def test_a_commitment_tells_secrets_networks_and_numbers_apart() -> None:
    network, other = NetworkId(bytes(32)), NetworkId(bytes(31) + b"1")
    first = Generation(2, SECRET).commitment(network)
    assert first == Generation(2, NetworkSecret(SECRET.raw)).commitment(network)
    others = {
        Generation(3, SECRET).commitment(network),
        Generation(2, SECRET).commitment(other),
        Generation(2, NetworkSecret(bytes(32))).commitment(network),
    }
    assert len(others | {first}) == 4
