"""What folding costs, counted in calls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

from meshdht.membership.administration import RemoveAdminBody
from meshdht.membership.fold import Folder
from meshdht.membership.log import MembershipLog
from tests.membership.household import Household, signing_key


def _calls(work: Callable[[], object]) -> int:
    """How many functions a piece of work calls: a cost that no load on the machine changes."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(trace)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def _cost(log: MembershipLog) -> int:
    return _calls(lambda: Folder().fold(log))


def _fleet(size: int) -> MembershipLog:
    household = Household()
    household.invite(0, uses=size)
    for device in range(1, size + 1):
        household.admit(device)
    return household.log


def _years(size: int) -> MembershipLog:
    """What an active household writes: devices come and go, and every tenth time two admins
    contradict each other."""
    household = Household()
    household.with_admins(1)
    for device in range(2, size):
        household.invite(device)
        household.admit(device, device)
        if device % 3 == 0:
            household.revoke(device, author=1)
        if device % (size // 10) == 0:
            start = household.log.heads()
            household.write(RemoveAdminBody(signing_key(1).public), parents=start)
            household.invite(0, author=1, parents=start)
            household.grant(1)
    return household.log


def test_folding_with_removals_and_contradictions_costs_no_more_than_n_log_n() -> None:
    assert len(Folder().fold(_years(240)).removed) == 79
    # Hashes decide which of two contradicting statements comes first, and that how often the log is
    # folded again: of one size alone, twice as often as of the next.
    sizes = (45, 50, 55, 60, 65, 70, 75)
    cost_small = sum(_cost(_years(size)) for size in sizes)
    cost_large = sum(_cost(_years(4 * size)) for size in sizes)
    # n log n grows by a factor of 4 · log 240 / log 60 = 5.4 here; n² by 16.
    assert cost_large < 5.4 * cost_small


def test_folding_costs_no_more_than_n_log_n() -> None:
    small, large = _fleet(100), _fleet(400)
    assert len(Folder().fold(large)) == 401
    # n log n grows by a factor of 4 · log 400 / log 100 = 5.2 here; n² by 16.
    assert _cost(large) < 5.2 * _cost(small)


def test_one_statement_more_costs_the_same_in_a_large_network_as_in_a_small() -> None:
    costs = []
    for size in (100, 400):
        log, folder = _fleet(size), Folder()
        *earlier, last = log
        grown = MembershipLog(log.network)
        for statement in earlier:
            grown.add(statement.raw)
        folder.fold(grown)
        grown.add(last.raw)
        costs.append(_calls(partial(folder.fold, grown)))
        assert folder.fold(grown) == Folder().fold(log)
    assert costs[1] < 1.5 * costs[0]


def test_a_log_folded_a_moment_ago_is_not_folded_again() -> None:
    log, folder = _fleet(10), Folder()
    assert folder.fold(log) is folder.fold(log)
