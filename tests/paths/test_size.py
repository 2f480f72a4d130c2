"""The search for the largest packet that passes."""

from __future__ import annotations

import math
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from meshdht.paths.size import ROUNDS, SMALL, STEPS, SizeSearch


def search(full: int, passes: Callable[[int, int], bool]) -> tuple[SizeSearch, list[list[int]]]:
    """A whole search, and what it tried; ``passes(size, round)``."""
    it = SizeSearch(full)
    rounds: list[list[int]] = []
    while sizes := it.next_round():
        rounds.append(sizes)
        it.passed(size for size in sizes if passes(size, len(rounds)))
    return it, rounds


def test_a_sound_path_costs_one_packet() -> None:
    it, rounds = search(1420, lambda size, number: True)
    assert rounds == [[1420]]
    assert it.largest == math.inf


def test_of_a_hole_the_largest_step_that_passes_is_found() -> None:
    it, rounds = search(1420, lambda size, number: size <= 1340)
    assert it.largest == 1328
    assert rounds[1] == [1420, *STEPS, SMALL]
    assert rounds[2] == rounds[3] == [1420, 1408, 1376, 1360]


def test_one_lost_packet_makes_no_hole() -> None:
    it, rounds = search(1420, lambda size, number: number > 1)
    assert it.largest == math.inf
    assert len(rounds) == 2


def test_where_nothing_passes_nothing_is_known() -> None:
    it, rounds = search(1420, lambda size, number: False)
    assert it.largest == 0
    assert len(rounds) == ROUNDS


def test_a_path_too_small_for_the_tunnel_is_told_from_a_dead_one() -> None:
    assert search(1420, lambda size, number: size <= 1000)[0].largest == SMALL


def test_a_tunnel_as_small_as_they_get_has_no_steps() -> None:
    assert search(1280, lambda size, number: size < 1280)[1][1] == [1280, SMALL]


@given(st.integers(1280, 9000), st.integers(0, 9000))
def test_what_is_found_passes_and_no_larger_step_does(full: int, hole: int) -> None:
    largest = search(full, lambda size, number: size <= hole)[0].largest
    if hole >= full:
        assert largest == math.inf
    else:
        fitting = [size for size in (*STEPS, SMALL) if size <= hole and size < full]
        assert largest == max(fitting, default=0)
