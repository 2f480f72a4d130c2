"""How the cost of a rekey is told from what arrived around it."""

from __future__ import annotations

import pytest

from tests.bench.packet_path.stream import BIN_S, Arrived
from tests.bench.rekeys import shares

PER_S = round(1 / BIN_S)


def test_what_arrives_around_an_instant_is_compared_with_the_second_before() -> None:
    steady = Arrived(100.0, [1000] * 4 * PER_S)
    assert shares(steady, [102.0, 103.0]) == [pytest.approx(1), pytest.approx(1)]
    # Nothing for 100 ms, half of the time around it.
    bins = list(steady.bins)
    bins[2 * PER_S : 2 * PER_S + PER_S // 10] = [0] * (PER_S // 10)
    assert shares(Arrived(100.0, bins), [102.0]) == [pytest.approx(0.5)]


def test_instants_without_a_second_before_or_a_whole_time_around_are_left_out() -> None:
    arrived = Arrived(100.0, [1000] * 2 * PER_S)
    assert shares(arrived, [99.0, 100.5, 101.5, 101.95, 103.0]) == [pytest.approx(1)]
    assert shares(Arrived(100.0, [0] * 2 * PER_S), [101.5]) == []
