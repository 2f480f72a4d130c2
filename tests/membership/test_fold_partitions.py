"""The fold of what several admins and members wrote apart from each other, merged at random.

``MESHDHT_FOLD_CASES=10000 ./mesh test tests/membership/test_fold_partitions.py`` tries more.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.membership.administration import RecoverBody, RemoveAdminBody, TagBody
from meshdht.membership.fold import Folder, fold
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import Statement, StatementHash
from tests.membership.household import NUMBERS, RECOVERY, Household, signing_key
from tests.membership.partitions import past_of, random_author, random_body, random_partitions

CASES = int(os.environ.get("MESHDHT_FOLD_CASES", "100"))

seeds = st.integers(0, 2**32)
sizes = st.integers(0, 40)
some = settings(max_examples=CASES, deadline=None, print_blob=True)
pytestmark = pytest.mark.timeout(120 + CASES / 5)
"""Twenty times what a case takes: more cases may take longer than one test is given."""


@given(seeds, sizes, st.randoms(use_true_random=False))
@some
def test_all_devices_fold_the_same_roster_whatever_reached_them_when(
    seed: int, steps: int, chance: random.Random
) -> None:
    household = random_partitions(seed, steps)
    statements = list(household.log)
    chance.shuffle(statements)
    log, folder = MembershipLog(household.log.network), Folder()
    for statement in statements:
        if log.add(statement.raw).added and chance.random() < 0.4:
            assert folder.fold(log) == Folder().fold(log)
    assert folder.fold(log) == Folder().fold(household.log)


@given(seeds, sizes)
@some
def test_an_admin_remains_and_nobody_who_is_out_is_in(seed: int, steps: int) -> None:
    roster = random_partitions(seed, steps).roster()
    assert any(device.admin for device in roster)
    for removed in roster.removed:
        assert removed.id not in roster
        assert roster.anchor(removed.id) is None
        assert removed.id not in roster.neighbourhood(roster.devices[0].id)
    all_names = [each.name for each in (*roster, *roster.extra_names)]
    for names in (all_names, [each.ipv4 for each in roster]):
        assert len(set(names)) == len(names)
    for invite in roster.invites:
        assert len(invite.claimed_by) <= invite.uses


@given(seeds, sizes)
@some
def test_what_a_removed_device_wrote_unknown_to_its_removal_has_no_effect(
    seed: int, steps: int
) -> None:
    household = random_partitions(seed, steps)
    log, roster = household.log, household.roster()
    knew = {each.verify_key: past_of(log, log[each.statement]) for each in roster.removed}
    for each in roster.successions:
        known = {*past_of(log, log[each.hash]), each.hash}
        knew[each.old] = knew.get(each.old, known) & known

    def counts(statement: StatementHash) -> bool:
        author = log[statement].author
        return author not in knew or statement in knew[author]

    assert all(counts(each) for device in roster for each in device.authority)
    assert all(counts(each.hash) for each in roster.invites)
    assert all(counts(each.hash) for each in roster.rekeys)


@given(seeds, sizes, st.randoms(use_true_random=False))
@some
def test_nothing_that_knows_of_a_removal_undoes_it(
    seed: int, steps: int, chance: random.Random
) -> None:
    household = random_partitions(seed, steps)
    _merge(household)
    before = household.roster()
    for _ in range(3):
        author = random_author(chance)
        body = random_body(chance, household, author)
        author = RECOVERY if isinstance(body, RecoverBody) else author
        household.write(body, author)
    after = household.roster()
    assert {each.id for each in before.removed} <= {each.id for each in after.removed}


@given(seeds, sizes)
@some
def test_a_removal_is_undone_only_when_it_is_void_itself(seed: int, steps: int) -> None:
    household = random_partitions(seed, steps)
    log, folder = MembershipLog(household.log.network), Folder()
    was = folder.fold(_with(log, household.genesis))
    for statement in household.log:
        now = folder.fold(_with(log, statement))
        void = {each.hash: each.reason for each in now.rejections}
        still = {each.id for each in now.removed}
        for each in was.removed:
            assert each.id in still or each.statement in void
            if each.id not in still and each.by != each.id:
                assert void[each.statement] == "its author had been removed"
        was = now


@given(seeds, sizes)
@some
def test_the_current_generation_is_younger_than_all_who_are_out(seed: int, steps: int) -> None:
    household = random_partitions(seed, steps)
    log, roster = household.log, household.roster()
    removals = {each.statement for each in roster.removed}
    safe = [each for each in roster.rekeys if removals <= past_of(log, log[each.hash])]
    if roster.rekey is not None:
        assert roster.rekey in safe
        assert roster.rekey.generation == max(
            each.generation
            for each in roster.rekeys
            if past_of(log, log[each.hash]) >= past_of(log, log[roster.rekey.hash])
        )
        assert not roster.needs_rekey
    elif removals:
        assert roster.needs_rekey


@given(seeds, sizes)
@some
def test_whoever_was_recovered_last_puts_out_any_other_and_stays(seed: int, steps: int) -> None:
    """Even where all others have answered already, from before they knew of it."""
    household = random_partitions(seed, steps)
    _merge(household)
    start = household.log.heads()
    chosen, *others = random.Random(seed).sample(household.members(), len(household.roster()))
    recovery = household.recover(chosen)
    for other in others:
        household.revoke(chosen, author=other, parents=start)
        household.write(RemoveAdminBody(signing_key(chosen).public), other, parents=start)
    for other in others:
        household.revoke(other, author=chosen, parents=[recovery.hash])
    assert household.members() == [chosen]
    assert household.admins() == [chosen]


@given(seeds, sizes)
@some
def test_a_device_that_goes_on_by_another_key_is_in_once_and_by_the_last(
    seed: int, steps: int
) -> None:
    roster = random_partitions(seed, steps).roster()
    for each in roster.successions:
        assert each.old.device_id not in roster
        assert roster.anchor(each.old) is None
        latest = roster.successor(each.old)
        assert latest is not None
        assert (latest.device_id in roster) == (roster.removal(latest) is None)
        if latest.device_id not in roster:
            assert roster.removal(each.old) or roster.removal(latest)
    olds = [each.old for each in roster.successions]
    assert len(set(olds)) == len(olds)


@given(seeds, sizes, st.randoms(use_true_random=False))
@some
def test_a_revocation_of_any_of_its_keys_puts_a_device_out_for_ever(
    seed: int, steps: int, chance: random.Random
) -> None:
    household = random_partitions(seed, steps)
    _merge(household)
    before = household.roster()
    admin = household.recover(household.members()[0])
    author = NUMBERS[household.roster().devices[0].verify_key]
    others = [
        each
        for each in before.successions
        if before.successor(each.old) != before.devices[0].verify_key
    ]
    if not others:
        return
    one = chance.choice(others)
    household.revoke(NUMBERS[chance.choice([one.old, one.new])], author, parents=[admin.hash])
    for _ in range(3):
        old = NUMBERS[chance.choice([one.old, one.new])]
        household.write(random_body(chance, household, old), old)
    after = household.roster()
    latest = after.successor(one.old) or one.old
    assert latest.device_id not in after
    assert one.new.device_id not in after
    assert one.old.device_id not in after


def _merge(household: Household) -> None:
    """Somebody hears of everything."""
    while len(household.log.heads()) > 1:
        household.write(TagBody(signing_key(0).public, ()), parents=household.log.heads()[:8])


def _with(log: MembershipLog, statement: Statement) -> MembershipLog:
    log.add(statement.raw)
    return log


def test_random_partitions_are_not_trivial() -> None:
    rosters = [fold(random_partitions(seed, 40).log) for seed in range(100)]
    reasons = {each.reason for roster in rosters for each in roster.rejections}
    assert reasons >= {
        "its author had been removed",
        "its author had not the right to it",
        "its author had left",
        "its key had been revoked",
        "the invite had been revoked",
        "it would leave no admin",
        "it names no member",
        "it is not signed by the recovery key",
        "nothing has succeeded that key",
        "its new key is known already",
    }
    steps = [(roster, each) for roster in rosters for each in roster.successions]
    assert sum(roster.successor(each.old) == each.new for roster, each in steps) > 60
    assert sum(roster.successor(each.old) != each.new for roster, each in steps) > 3
    assert sum(len(roster.removed) for roster in rosters) > 60
    assert any(roster.rekey for roster in rosters)
    assert any(roster.needs_rekey for roster in rosters)
    assert any(len(roster) > 4 for roster in rosters)
    assert signing_key(0).public in {
        each.verify_key for roster in rosters for each in roster.removed
    }
