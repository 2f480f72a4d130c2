"""The fold: the same statements, the same roster."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshdht.crypto.keys import NetworkId
from meshdht.errors import StateError
from meshdht.limits import CLAIM_CLOCK_TOLERANCE_S
from meshdht.membership.fold import Folder, fold
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import (
    AdmitBody,
    Role,
    StatementHash,
    UnknownBody,
)
from tests.membership.household import (
    EXPIRES,
    UNIX,
    Household,
    random_household,
    replay,
    signing_key,
    wireguard_key,
)

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/membership.json").read_text())


def _reasons(household: Household) -> list[str]:
    return [rejection.reason for rejection in household.roster().rejections]


def test_the_published_log_folds_to_the_published_roster() -> None:
    log = MembershipLog(NetworkId(bytes.fromhex(VECTOR["network_id"])))
    for kind in ("admit", "invite", "genesis"):
        log.add(bytes.fromhex(VECTOR[kind]))
    assert log.digest().hex() == VECTOR["frontier"]
    assert [
        {
            "id": str(device.id),
            "name": device.name,
            "ipv4": str(device.ipv4),
            "ipv6": str(device.ipv6),
            "admin": device.admin,
        }
        for device in fold(log)
    ] == VECTOR["roster"]


def test_the_founder_is_the_first_admin() -> None:
    roster = Household().roster()
    (founder,) = roster.devices
    assert (founder.name, founder.admin, founder.admitted_at) == ("nas", True, UNIX)
    assert (founder.verify_key, founder.wireguard_key) == (signing_key(0).public, wireguard_key(0))
    assert founder.ipv4 in roster.ipv4_range
    assert founder.ipv6 in roster.ipv6_subnet


def test_a_log_without_a_genesis_has_no_roster() -> None:
    with pytest.raises(StateError, match="lacks its first statement"):
        fold(MembershipLog(NetworkId(bytes(32))))


def test_a_member_admits_while_the_admin_is_away() -> None:
    household = Household()
    household.invite(0)
    household.invite(1)
    household.admit(1, 0, author=0)
    household.admit(2, 1, author=1)
    assert household.members() == [0, 1, 2]
    assert [device.admin for device in household.roster()] == [True, False, False]


def test_an_invite_of_one_that_is_no_admin_has_no_effect() -> None:
    household = Household()
    household.invite(0)
    household.admit(1, 0)
    household.invite(1, author=1)
    household.admit(2, 1)
    assert household.members() == [0, 1]
    assert _reasons(household) == [
        "its author was no admin",
        "it names no invite that came before it",
    ]


def test_a_stranger_admits_nobody() -> None:
    household = Household()
    household.invite(0)
    household.admit(1, 0, author=1)
    household.admit(2, 0, author=3)
    assert household.members() == [0]
    assert _reasons(household) == ["its author was no member"] * 2


def test_authority_is_judged_at_the_ancestors_alone() -> None:
    """Device 1 becomes a member in a statement that its own does not build on."""
    household = Household()
    invite = household.invite(0, uses=5)
    household.admit(1, parents=[invite.hash])
    household.admit(2, author=1, parents=[invite.hash])
    assert household.members() == [0, 1]


def test_an_invite_must_be_an_ancestor_of_its_claim() -> None:
    household = Household()
    household.invite(0)
    aside = household.invite(1, parents=[household.genesis.hash])
    # Deeper than the invite, so that the fold comes to it later all the same.
    deeper = household.invite(2, parents=[aside.hash])
    household.admit(1, 0, parents=[deeper.hash])
    assert household.members() == [0]
    assert _reasons(household) == ["it names no invite that came before it"]


@pytest.mark.parametrize(("late", "members"), [(0, [0, 1]), (1, [0])])
def test_a_claim_counts_until_the_expiry_and_the_clock_tolerance(
    late: int, members: list[int]
) -> None:
    dated = EXPIRES + CLAIM_CLOCK_TOLERANCE_S + late
    by_joiner, by_admitter = Household(), Household()
    for household, claimed_at, unix in [(by_joiner, dated, UNIX), (by_admitter, UNIX, dated)]:
        household.invite(0)
        household.write(AdmitBody(household.claim(1, claimed_at=claimed_at)), unix_ms=unix * 1000)
        assert household.members() == members


def test_a_use_after_the_last_is_refused() -> None:
    household = Household()
    household.invite(0, uses=2)
    for device in (1, 2, 3):
        household.admit(device)
    assert household.members() == [0, 1, 2]
    assert _reasons(household) == ["another device used the invite first"]
    assert household.roster().invites[0].is_used_up


def test_one_of_two_that_race_for_a_use_wins_by_its_hash() -> None:
    household = Household()
    invite = household.invite(0)
    admits = {household.admit(device, parents=[invite.hash]).hash: device for device in (1, 2)}
    winner = admits[min(admits)]
    assert household.members() == [0, winner]
    (rejection,) = household.roster().rejections
    assert rejection.hash == max(admits)
    assert rejection.device == signing_key(3 - winner).public.device_id


def _race() -> tuple[Household, int, int, StatementHash, StatementHash]:
    """A household, the winner and the loser of a race for invite 0, and their admits."""
    household = Household()
    household.invite(1)
    invite = household.invite(0)
    admits = {household.admit(device, parents=[invite.hash]).hash: device for device in (1, 2)}
    won, lost = sorted(admits)
    return household, admits[won], admits[lost], won, lost


def test_the_deeds_of_a_loser_that_could_not_know_stand() -> None:
    household, winner, loser, _, lost = _race()
    household.admit(5, 1, author=loser, parents=[lost])
    assert household.members() == [0, winner, 5]


def test_a_loser_that_could_know_has_no_authority() -> None:
    household, winner, loser, won, lost = _race()
    household.admit(5, 1, author=loser, parents=[won, lost])
    assert household.members() == [0, winner]


def test_a_loser_may_come_back_with_a_new_invite() -> None:
    household, winner, loser, _, _ = _race()
    household.admit(loser, 1)
    assert household.members() == [0, winner, loser]


def test_a_device_admitted_twice_at_once_counts_once() -> None:
    household = Household()
    invite = household.invite(0, uses=2)
    household.admit(1, parents=[invite.hash], name="one")
    household.admit(1, parents=[invite.hash], name="other")
    household.admit(2)
    household.admit(1, name="again")
    assert household.members() == [0, 1, 2]
    assert len(household.roster().invites[0].claimed_by) == 2
    assert _reasons(household) == []


def test_a_device_cannot_take_anothers_tunnel_key() -> None:
    household = Household()
    household.invite(0)
    household.write(AdmitBody(household.claim(1, tunnel=0)))
    assert household.members() == [0]
    assert _reasons(household) == ["its WireGuard key is another device's"]


def test_the_later_of_two_equal_names_gets_a_suffix() -> None:
    household = Household()
    household.invite(0, uses=9)
    for device, name in [(1, "pi"), (2, "nas"), (3, "pi")]:
        household.admit(device, name=name)
    assert [device.name for device in household.roster()] == ["nas", "pi", "nas-2", "pi-2"]


def test_a_kind_to_come_by_a_member_stops_this_version() -> None:
    household = Household()
    household.roster().refuse_newer()
    statement = household.write(UnknownBody(200, b"revoke"))
    roster = household.roster()
    assert roster.newer == (statement.hash,)
    with pytest.raises(StateError, match="newer version") as caught:
        roster.refuse_newer()
    assert "update meshdht" in caught.value.hint


def test_a_kind_to_come_by_a_stranger_stops_nothing() -> None:
    household = Household()
    household.write(UnknownBody(200, b"revoke"), author=7)
    household.roster().refuse_newer()
    assert _reasons(household) == ["its author was no member"]


@given(st.integers(0, 10_000), st.integers(0, 30), st.randoms(use_true_random=False))
@example(1, 40, random.Random(1))
@settings(max_examples=300, deadline=None)
def test_any_order_of_arrival_gives_the_same_roster(
    seed: int, size: int, chance: random.Random
) -> None:
    household = random_household(seed, size)
    statements = list(household.log)
    chance.shuffle(statements)
    assert Folder().fold(replay(household, statements)) == Folder().fold(household.log)


@given(st.integers(0, 10_000), st.integers(0, 30), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_a_fold_that_goes_on_gives_what_one_from_the_start_gives(
    seed: int, size: int, chance: random.Random
) -> None:
    household = random_household(seed, size)
    log = MembershipLog(household.log.network)
    log.add(household.genesis.raw)
    statements = list(household.log)[1:]
    if chance.random() < 0.5:
        chance.shuffle(statements)
    folder = Folder()
    for statement in statements:
        log.add(statement.raw)
        assert folder.fold(log) == Folder().fold(log)


@given(st.integers(0, 10_000))
@settings(max_examples=100, deadline=None)
def test_a_roster_is_sound_whatever_was_logged(seed: int) -> None:
    roster = random_household(seed, 40).roster()
    for keys in (
        [device.id for device in roster],
        [device.name for device in roster],
        [device.wireguard_key for device in roster],
        [device.ipv4 for device in roster if device.ipv4],
        [device.ipv6 for device in roster],
    ):
        assert len(set(keys)) == len(keys)
    assert [device.admin for device in roster] == [True] + [False] * (len(roster) - 1)
    for invite in roster.invites:
        assert len(invite.claimed_by) <= invite.uses
        known = roster.__contains__ if invite.role is Role.DEVICE else roster.anchor
        assert all(known(claimant) for claimant in invite.claimed_by)
    assert len({anchor.name for anchor in roster.anchors}) == len(roster.anchors)
    assert not any(anchor.id in roster for anchor in roster.anchors)


def test_random_logs_are_not_trivial() -> None:
    rosters = [random_household(seed, 40).roster() for seed in range(40)]
    reasons = {each.reason for roster in rosters for each in roster.rejections}
    assert reasons == {
        "its author was no member",
        "its author was no admin",
        "it names no invite that came before it",
        "another device used the invite first",
        "another anchor used the invite first",
        "its key is an anchor's",
        "its key is a device's",
    }
    assert max(len(roster) for roster in rosters) > 5
    assert any(roster.anchors for roster in rosters)
