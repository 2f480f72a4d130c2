"""Sequences only grow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.records.sequence import next_sequence


@given(st.integers(0, 2**63), st.integers(0, 2**63))
def test_a_sequence_grows_whatever_the_clock_does(last: int, unix_ms: int) -> None:
    assert next_sequence(last, unix_ms) > last
    assert next_sequence(last, unix_ms) >= unix_ms


def test_a_device_that_lost_its_disk_starts_at_the_clock() -> None:
    assert next_sequence(0, 1_800_000_000_000) == 1_800_000_000_000
