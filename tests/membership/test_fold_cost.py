"""What folding costs, counted in calls."""

from __future__ import annotations

from functools import partial

from meshdht.membership.fold import Folder
from meshdht.membership.log import MembershipLog
from tests.membership.growth import calls, cost, fleet, years


def test_folding_with_removals_and_contradictions_costs_no_more_than_n_log_n() -> None:
    assert len(Folder().fold(years(240)).removed) == 79
    # Hashes decide which of two contradicting statements comes first, and that how often the log is
    # folded again: of one size alone, twice as often as of the next.
    sizes = (45, 50, 55, 60, 65, 70, 75)
    cost_small = sum(cost(years(size)) for size in sizes)
    cost_large = sum(cost(years(4 * size)) for size in sizes)
    # n log n grows by a factor of 4 · log 240 / log 60 = 5.4 here; n² by 16.
    assert cost_large < 5.4 * cost_small


def test_folding_costs_no_more_than_n_log_n() -> None:
    small, large = fleet(100), fleet(400)
    assert len(Folder().fold(large)) == 401
    # n log n grows by a factor of 4 · log 400 / log 100 = 5.2 here; n² by 16.
    assert cost(large) < 5.2 * cost(small)


def test_one_statement_more_costs_the_same_in_a_large_network_as_in_a_small() -> None:
    costs = []
    for size in (100, 400):
        log, folder = fleet(size), Folder()
        *earlier, last = log
        grown = MembershipLog(log.network)
        for statement in earlier:
            grown.add(statement.raw)
        folder.fold(grown)
        grown.add(last.raw)
        costs.append(calls(partial(folder.fold, grown)))
        assert folder.fold(grown) == Folder().fold(log)
    assert costs[1] < 1.5 * costs[0]


def test_a_log_folded_a_moment_ago_is_not_folded_again() -> None:
    log, folder = fleet(10), Folder()
    assert folder.fold(log) is folder.fold(log)
