"""The long run, and how it judges what it has seen."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import pytest

from tests.bench.packet_path.steady import report
from tests.bench.soak import SECONDS, Watched, soak


def watched(first: float, last: float, descriptors: int = 9) -> Watched:
    """A process that warms up, and has ``first`` MB in the second quarter, ``last`` at the end."""
    sizes = [1.0] * 4 + [first] * 4 + [first] * 4 + [last] * 4
    return Watched("engine", 1, sizes, [9] * 12 + [descriptors] * 4)


def test_memory_may_not_grow_after_the_warm_up_nor_descriptors() -> None:
    assert watched(20, 20.9).faults() == []
    assert watched(20, 21.1).faults() == ["engine grew from 20.0 to 21.1 MB"]
    assert watched(100, 102.5).faults() == ["engine grew from 100.0 to 102.5 MB"]
    assert watched(20, 20, 10).faults() == ["engine had 9.0 descriptors, then 10.0"]


def test_lost_datagrams_are_told_with_the_time_around_them() -> None:
    sent_at = array("d", [1.0, 0.0, 0.0, 1.3, 1.4])
    told = report(6, sent_at, array("d", [0.001, 0.0, 0.0, 0.06, 0.07]))
    assert (told.sent, told.received) == (6, 3)
    assert told.lost_at == [(1.0, 1.3, 2), (1.4, float("inf"), 1)]
    assert told.late_at == [(1.4, 0.07)]
    assert told.lost_outside([(0.9, 1.3)]) == 1
    assert told.lost_outside([]) == 3


@pytest.mark.lab
@pytest.mark.long
@pytest.mark.timeout(SECONDS + 300)
def test_ten_minutes_in_which_everything_happens_lose_nothing_and_leave_nothing_behind(
    number: Callable[[str], None],
) -> None:
    assert soak(SECONDS, number) == []
