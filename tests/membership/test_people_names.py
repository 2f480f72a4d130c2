"""Names that admins add beside those of the devices."""

from __future__ import annotations

import random
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.limits import EXTRA_NAMES_MAX
from meshdht.membership import people
from meshdht.membership.administration import NameBody, RenameBody
from meshdht.membership.extra_names import Target
from meshdht.membership.fold import Folder
from meshdht.membership.log import MembershipLog
from tests.membership.household import UNIX, Household, signing_key
from tests.membership.partitions import random_partitions

ONE, TWO = Target(IPv4Address("100.99.0.9")), Target(IPv4Address("100.99.0.10"))


def named(name: str, *targets: Target) -> NameBody:
    return NameBody(name, targets)


def _home() -> Household:
    household = Household()
    household.invite(0, uses=9)
    household.admit(1, name="pi")
    household.admit(2, name="tv")
    return household


def _names(household: Household) -> dict[str, tuple[Target, ...]]:
    return {each.name: each.targets for each in household.roster().extra_names}


def test_a_name_stands_for_what_an_admin_said_last() -> None:
    household = _home()
    household.write(named("wiki", ONE))
    household.write(named("blog", Target("nas")))
    household.write(named("wiki", ONE, TWO))
    assert _names(household) == {"wiki": (ONE, TWO), "blog": (Target("nas"),)}
    wiki = household.roster().extra_name("wiki")
    assert wiki is not None
    assert (wiki.by, wiki.written_at) == (signing_key(0).public.device_id, UNIX)
    household.write(named("wiki"))
    assert _names(household) == {"blog": (Target("nas"),)}
    assert household.roster().extra_name("wiki") is None
    household.write(named("wiki"))
    assert household.reasons() == []


def test_who_is_no_admin_names_nothing() -> None:
    household = _home()
    household.write(named("wiki", ONE), author=1)
    assert _names(household) == {}
    assert household.reasons() == ["its author was no admin"]


def test_a_devices_name_stays_the_devices() -> None:
    household = _home()
    household.write(named("pi", ONE))
    assert _names(household) == {}
    assert household.reasons() == ["a device is called so"]


def test_a_device_that_comes_by_a_name_that_stands_gets_a_suffix() -> None:
    household = _home()
    household.write(named("wiki", ONE))
    household.admit(3, name="wiki")
    household.write(RenameBody(signing_key(1).public, "wiki"))
    assert [each.name for each in household.roster()] == ["nas", "wiki-3", "tv", "wiki-2"]
    assert _names(household) == {"wiki": (ONE,)}
    household.write(named("wiki"))
    household.admit(4, name="wiki")
    assert household.roster().devices[-1].name == "wiki"


def test_a_name_that_a_device_gave_up_is_free() -> None:
    household = _home()
    household.write(RenameBody(signing_key(1).public, "phone"))
    household.write(named("pi", ONE))
    assert _names(household) == {"pi": (ONE,)}
    household.revoke(2)
    household.write(named("tv", TWO))
    household.invite(1)
    household.admit(3, 1, name="tv")
    assert _names(household) == {"pi": (ONE,), "tv": (TWO,)}
    assert household.roster().devices[-1].name == "tv-2"


def test_the_name_of_a_removed_device_is_not_free_to_those_that_do_not_know() -> None:
    household = _home()
    before = household.log.heads()
    household.revoke(1)
    household.write(named("pi", ONE), parents=before)
    assert _names(household) == {}
    assert household.reasons() == ["a device is called so"]


def test_what_a_removed_admin_named_without_its_remover_knowing_is_void() -> None:
    household = Household()
    start = household.with_admins(1, 2)
    household.write(named("wiki", ONE), author=1, parents=[start])
    household.revoke(1, parents=[start])
    assert _names(household) == {}
    assert household.reasons() == ["its author had been removed"]


def test_names_are_no_more_than_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    assert EXTRA_NAMES_MAX >= 100
    monkeypatch.setattr(people, "EXTRA_NAMES_MAX", 2)
    household = _home()
    for name in ("a", "b", "c"):
        household.write(named(name, ONE))
    household.write(named("a", TWO))
    assert _names(household) == {"a": (TWO,), "b": (ONE,)}
    assert household.reasons() == ["there are too many names"]


@given(st.integers(0, 2**32), st.integers(0, 25), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_all_come_to_the_same_names_whatever_they_heard_first(
    seed: int, steps: int, order: random.Random
) -> None:
    household = random_partitions(seed, steps)
    chance = random.Random(seed)
    for _ in range(12):
        known = sorted(household.log.hashes())
        parents = chance.sample(known, min(2, len(known)))
        name, target = chance.choice(["pi", "nas", "tv", "wiki"]), Target(chance.choice(["a", "b"]))
        body = named(name, *([target] if chance.random() < 0.7 else []))
        household.write(body, chance.randint(0, 3), parents=parents)
    statements = list(household.log)
    order.shuffle(statements)
    log, folder = MembershipLog(household.log.network), Folder()
    for statement in statements:
        if log.add(statement.raw).added and order.random() < 0.4:
            folder.fold(log)
    roster = household.roster()
    assert folder.fold(log) == roster
    names = [each.name for each in (*roster, *roster.extra_names)]
    assert len(set(names)) == len(names)
