"""Handing the secret over to a joiner, and what the joiner checks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import NetworkSecret
from meshdht.errors import Malformed, Refused
from meshdht.membership.generations import (
    Generation,
    HandOver,
    decode_hand_over,
    refuse_hand_over,
)
from meshdht.membership.statements import StatementHash
from tests.membership.household import Household, signing_key

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/membership.json").read_text())
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
