from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.wireguard.tai64n import tai64n

SECONDS = st.floats(0, 4e9)


def test_a_stamp_has_the_label_of_its_second_and_coarse_nanoseconds() -> None:
    assert tai64n(0.0).hex() == "400000000000000a" + "00000000"
    assert tai64n(1.5).hex() == "400000000000000b" + "1d000000"


@given(SECONDS, SECONDS)
def test_stamps_sort_as_their_times(one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert tai64n(early) <= tai64n(late)


@given(SECONDS, SECONDS)
def test_a_stamp_after_another_is_greater_whatever_the_clock_says(one: float, other: float) -> None:
    stamp = tai64n(one, after=tai64n(other))
    assert stamp > tai64n(other)
    assert int.from_bytes(stamp[8:], "big") < 1_000_000_000
