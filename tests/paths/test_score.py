from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.paths.candidate import PathKind
from meshdht.paths.score import cost_s, is_clearly_better

COSTS = st.floats(0.0, 2.0)


def test_at_equal_delay_lan_is_before_direct_before_relay() -> None:
    kinds = [PathKind.LAN, PathKind.DIRECT, PathKind.RELAY]
    assert sorted(kinds, key=lambda kind: cost_s(kind, 0.010)) == kinds


def test_a_much_faster_direct_path_beats_a_slow_relay() -> None:
    assert is_clearly_better(cost_s(PathKind.DIRECT, 0.02), cost_s(PathKind.RELAY, 0.02))


@given(COSTS, COSTS)
def test_two_paths_never_each_beat_the_other(one: float, other: float) -> None:
    assert not (is_clearly_better(one, other) and is_clearly_better(other, one))


@given(COSTS)
def test_jitter_of_a_tenth_moves_nobody(cost: float) -> None:
    assert not is_clearly_better(cost * 0.9, cost)
