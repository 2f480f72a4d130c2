"""The log: what it takes in, what it waits for, what it can tell another device."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.errors import BadSignature, Malformed
from meshdht.limits import STATEMENT_ORPHANS_MAX, STATEMENT_PARENTS_MAX
from meshdht.membership.invites import write_genesis
from meshdht.membership.log import MembershipLog, Outcome
from meshdht.membership.statements import (
    GenesisBody,
    Statement,
    StatementHash,
    UnknownBody,
    sign_statement,
)
from tests.membership.household import (
    RANGE,
    Household,
    random_household,
    replay,
    signing_key,
    wireguard_key,
)


def _chain(length: int) -> tuple[Household, list[Statement]]:
    household = Household()
    return household, [
        household.write(UnknownBody(200, number.to_bytes(2, "big"))) for number in range(length)
    ]


def test_a_log_begins_with_its_genesis() -> None:
    household = Household()
    log = MembershipLog(household.log.network)
    assert (len(log), log.genesis, log.heads()) == (0, None, ())
    addition = log.add(household.genesis.raw)
    assert addition.outcome is Outcome.ADDED
    assert addition.added == (household.genesis,)
    assert log.genesis == household.genesis
    assert log.heads() == (household.genesis.hash,)


def test_a_statement_is_added_once() -> None:
    household, chain = _chain(2)
    assert household.log.add(chain[0].raw).outcome is Outcome.KNOWN
    assert len(household.log) == 3


def test_a_statement_waits_for_its_parents() -> None:
    household, (first, second, third) = _chain(3)
    log = MembershipLog(household.log.network)
    assert log.add(third.raw).outcome is Outcome.WAITING
    assert log.add(third.raw).outcome is Outcome.KNOWN
    assert log.missing() == (second.hash,)
    assert log.add(second.raw).outcome is Outcome.WAITING
    assert log.missing() == (first.hash,)
    log.add(household.genesis.raw)
    assert log.missing() == (first.hash,)
    addition = log.add(first.raw)
    assert addition.added == (first, second, third)
    assert log.missing() == ()
    assert log.digest() == household.log.digest()


def test_a_statement_that_waits_for_two_parents_waits_for_both() -> None:
    household = Household()
    one = household.write(UnknownBody(200, b"1"))
    other = household.write(UnknownBody(200, b"2"), parents=[household.genesis.hash])
    merge = household.write(UnknownBody(200, b"3"))
    log = replay(household, [household.genesis, merge, one])
    assert log.missing() == (other.hash,)
    assert [each.hash for each in log.add(other.raw).added] == [other.hash, merge.hash]


def test_orphans_are_bounded_and_the_oldest_makes_room() -> None:
    household, chain = _chain(STATEMENT_ORPHANS_MAX + 2)
    log = replay(household, chain[1:])
    assert len(log) == 0
    # The first orphan was dropped: it is missing again, now that its child still waits.
    assert chain[1].hash in log.missing()
    assert len(log.missing()) == 1


def test_a_full_log_takes_no_more() -> None:
    household, chain = _chain(3)
    log = MembershipLog(household.log.network, statements_max=2)
    outcomes = [log.add(each.raw).outcome for each in (household.genesis, chain[0], chain[1])]
    assert outcomes == [Outcome.ADDED, Outcome.ADDED, Outcome.FULL]
    assert len(log) == 2


def test_statements_of_another_network_are_refused() -> None:
    recovery = signing_key(1).public
    body = GenesisBody("home", RANGE, b"other entropy 16", "nas", wireguard_key(0), recovery)
    foreign = write_genesis(body, author=signing_key(0), unix_ms=0)
    statement = sign_statement(
        UnknownBody(200, b""),
        network=foreign.network_id,
        author=signing_key(0),
        parents=(foreign.hash,),
        unix_ms=0,
    )
    log = Household().log
    for raw in (foreign.raw, statement.raw):
        with pytest.raises(Malformed, match="another network"):
            log.add(raw)


def test_a_forged_statement_is_refused_before_it_may_wait() -> None:
    household, chain = _chain(2)
    log = MembershipLog(household.log.network)
    forged = chain[1].raw[:-1] + bytes([chain[1].raw[-1] ^ 1])
    with pytest.raises(BadSignature):
        log.add(forged)
    assert log.missing() == ()


def test_a_version_to_come_is_counted_and_not_kept() -> None:
    household, chain = _chain(1)
    log = MembershipLog(household.log.network)
    assert log.add(b"\2" + chain[0].raw[1:]).outcome is Outcome.NEWER
    assert (log.newer_seen, len(log), log.missing()) == (1, 0, ())


@given(st.binary(max_size=300))
def test_any_bytes_leave_the_log_unchanged(data: bytes) -> None:
    log = Household().log
    before = log.digest()
    try:
        log.add(data)
    except (Malformed, BadSignature):
        pass
    assert log.digest() == before


@given(st.integers(0, 30), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_log(seed: int, chance: random.Random) -> None:
    household = random_household(seed, 15)
    statements = list(household.log)
    chance.shuffle(statements)
    log = replay(household, statements)
    assert log.digest() == household.log.digest()
    assert set(log.hashes()) == set(household.log.hashes())
    seen: set[StatementHash] = set()
    for statement in log:
        assert seen.issuperset(statement.parents)
        seen.add(statement.hash)


def test_two_logs_differ_in_their_digest() -> None:
    household, _ = _chain(1)
    before = household.log.digest()
    household.write(UnknownBody(200, b""), parents=[household.genesis.hash])
    assert household.log.digest() != before
    assert len(household.log.heads()) == 2


def test_another_device_is_told_what_it_lacks() -> None:
    household, chain = _chain(4)
    log = household.log
    assert log.since([]) == list(log)
    assert log.since([chain[1].hash]) == chain[2:]
    assert log.since([chain[1].hash, StatementHash(bytes(32))]) == chain[2:]
    assert log.since(log.heads()) == []


def test_what_a_statement_builds_on_comes_nearest_first_and_once() -> None:
    household, (root, *_) = _chain(1)
    left, right = (
        household.write(UnknownBody(200, side), parents=[root.hash]) for side in (b"l", b"r")
    )
    last = household.write(UnknownBody(200, b"last"), parents=[left.hash, right.hash])
    household.write(UnknownBody(200, b"above"), parents=[last.hash])
    first, *parents, common = list(household.log.nearest(last.hash))[:4]
    assert (first, common) == (last, root)
    assert {each.hash for each in parents} == {left.hash, right.hash}
    assert len(list(household.log.nearest(last.hash))) == len(household.log) - 1


def test_new_statements_build_on_what_their_authority_rests_on() -> None:
    household = Household()
    branches = [
        household.write(UnknownBody(200, bytes([number])), parents=[household.genesis.hash])
        for number in range(STATEMENT_PARENTS_MAX + 4)
    ]
    ordered = sorted(branch.hash for branch in branches)
    needed = ordered[-1]
    parents = household.log.parents_for(household.genesis.hash, needed)
    assert len(parents) == STATEMENT_PARENTS_MAX
    assert needed in parents
    assert list(parents) == sorted(parents)
    above = household.write(UnknownBody(200, b"above"), parents=[needed])
    assert above.hash in household.log.parents_for(needed)
    with pytest.raises(KeyError):
        household.log.parents_for(StatementHash(bytes(32)))
