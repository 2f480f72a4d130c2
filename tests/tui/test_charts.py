"""Numbers as pictures made of characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshdht_tui.charts import LOST, answered, area, spark

values = st.lists(st.floats(0, 1e9, allow_nan=False) | st.just(LOST), max_size=60)


@pytest.mark.parametrize(
    ("given_", "drawn"),
    [([], ""), ([0, 0], "⣀"), ([0, 5, 10], "⢀⣼"), ([9, 1, 2, 4, 8], "⣀⣼"), ([7, 7], "⣿")],
)
def test_a_spark_shows_the_last_values(given_: list[float], drawn: str) -> None:
    assert spark(given_, 2) == drawn


def test_a_floor_makes_small_differences_show() -> None:
    assert spark([100, 104], 1) == "⣿"
    assert spark([100, 104], 1, floor=0.95) == "⣼"


@given(values, st.integers(0, 40))
def test_a_spark_is_never_wider_than_it_may_be(given_: list[float], width: int) -> None:
    assert len(spark(given_, width, floor=0.7)) <= width


@given(values, st.integers(1, 30), st.integers(1, 8))
def test_an_area_is_as_wide_and_high_as_it_is_told(
    given_: list[float], width: int, height: int
) -> None:
    rows = area(given_, width, height, max(answered(given_), default=0.0))
    assert [len(row) for row in rows] == [width] * height


def test_an_area_is_filled_from_below_the_newest_at_the_right() -> None:
    assert area([0, 4, 8], 2, 2, 8.0) == ["⠀⢸", "⠀⣿"]
    assert area([0.001], 1, 1, 8.0) == ["⢀"]
    assert area([0, 0], 1, 1, 0.0) == ["⠀"]


def test_what_was_not_answered_is_a_gap() -> None:
    assert spark([8, LOST, 8, 8], 2) == "⡇⣿"
    assert spark([LOST, LOST], 1) == "⠀"
    assert area([8, LOST, LOST, 8], 2, 1, 8.0) == ["⡇⢸"]
