"""What was measured of late: bounded, in order."""

from __future__ import annotations

from meshdht.limits import SAMPLES_REMEMBERED
from meshdht.series import Series


def test_samples_are_columns_in_the_order_of_their_seconds() -> None:
    series = Series("Q", "f")
    assert (list(series.seconds), list(map(list, series.columns))) == ([], [[], []])
    series.add(7, 2**40, 0.5)
    series.add(7, 1, 0.25)
    assert list(series.seconds) == [7, 7]
    assert list(map(list, series.columns)) == [[2**40, 1], [0.5, 0.25]]


def test_what_grows_within_one_second_is_one_sample() -> None:
    series = Series("Q", "Q")
    for second, value in ((1, 10), (1, 5), (3, 7)):
        series.grow(second, value, 1)
    assert list(series.seconds) == [1, 3]
    assert list(map(list, series.columns)) == [[15, 7], [2, 1]]


def test_the_oldest_makes_room() -> None:
    series = Series("Q")
    for second in range(SAMPLES_REMEMBERED + 3):
        series.add(second, 2 * second)
    assert list(series.seconds) == list(range(3, SAMPLES_REMEMBERED + 3))
    assert list(series.columns[0]) == list(range(6, 2 * SAMPLES_REMEMBERED + 6, 2))
