"""Sequences only grow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.records.sequence import COARSE_MS, coarse_sequence, next_sequence


@given(st.integers(0, 2**63), st.integers(0, 2**63))
def test_a_sequence_grows_whatever_the_clock_does(last: int, unix_ms: int) -> None:
    assert next_sequence(last, unix_ms) > last
    assert next_sequence(last, unix_ms) >= unix_ms


def test_a_device_that_lost_its_disk_starts_at_the_clock() -> None:
    assert next_sequence(0, 1_800_000_000_000) == 1_800_000_000_000


@given(st.integers(0, 2**62), st.integers(0, 2**32))
def test_a_coarse_sequence_is_above_the_last_and_says_only_the_quarter_hour(
    unix_ms: int, seed: int
) -> None:
    entropy = SeededEntropy(seed)
    begin = unix_ms // COARSE_MS * COARSE_MS
    first = coarse_sequence(0, unix_ms + COARSE_MS, entropy)
    assert begin + COARSE_MS <= first < begin + 2 * COARSE_MS
    last = first
    for _ in range(10):
        drawn = coarse_sequence(last, unix_ms + COARSE_MS, entropy)
        assert last < drawn < begin + 3 * COARSE_MS + 10
        last = drawn


def test_sequences_of_one_moment_are_no_neighbours() -> None:
    entropy = SeededEntropy(1)
    gaps = []
    for _ in range(200):
        first = coarse_sequence(0, 10 * COARSE_MS, entropy)
        gaps.append(coarse_sequence(first, 10 * COARSE_MS, entropy) - first)
    assert sum(gap < COARSE_MS // 100 for gap in gaps) < 10


def test_a_clock_far_behind_the_last_sequence_still_goes_on() -> None:
    assert coarse_sequence(2**50, 1000, SeededEntropy(1)) == 2**50 + 1
