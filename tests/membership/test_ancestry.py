"""Ancestors as bits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.membership.ancestry import Ancestry, walk
from tests.membership.household import Household
from tests.membership.partitions import past_of, random_partitions


@given(st.integers(0, 1000), st.integers(0, 20))
def test_each_statement_comes_with_its_ancestors(seed: int, steps: int) -> None:
    log = random_partitions(seed, steps).log
    placed = list(enumerate(sorted(log, key=lambda each: (log.depth(each.hash), each.hash))))
    places = {statement.hash: place for place, statement in placed}
    for statement, place, past in walk(placed):
        assert place == places[statement.hash]
        assert past == sum(1 << places[each] for each in past_of(log, statement))


def test_one_that_builds_on_what_was_let_go_is_not_expected() -> None:
    household = Household()
    first = household.invite(0)
    ancestry = Ancestry()
    assert ancestry.expect([household.genesis, first])
    for place, statement in enumerate([household.genesis, first]):
        ancestry.enter(statement, place)
    assert not ancestry.expect([household.invite(1, parents=[household.genesis.hash])])
    assert ancestry.expect([household.invite(2, parents=[first.hash])])
    rest = {each.hash for each in ancestry.rest_of(household.log)}
    assert rest == set(household.log.hashes()) - {household.genesis.hash, first.hash}
