"""The benchmark of the membership log measures what it says."""

from __future__ import annotations

from meshdht.membership.fold import Folder
from tests.bench import membership_log
from tests.membership.household import Household, replay


def test_a_log_of_years_has_devices_removals_and_contradictions() -> None:
    log = Household().log
    for raw in membership_log.years(200, 5):
        log.add(raw)
    roster = Folder().fold(log)
    assert len(log) >= 200
    assert len(roster.removed) > 10
    assert len(roster) > 20
    assert len(roster.rejections) >= 5
    assert replay(Household(), log).digest() == log.digest()


def test_a_line_tells_size_time_and_growth() -> None:
    first, second = membership_log.table((20, 40), 0)
    assert "statements" in first
    assert "times the statements" in second
