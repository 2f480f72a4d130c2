"""Which dates are tried by a device that may be the one in the wrong."""

from __future__ import annotations

from meshdht.limits import CLOCK_WINDOW_S
from meshdht.node.dating import (
    COPIES_ALONE,
    COPIES_LOST,
    GUESS_STEP_S,
    OVERHEARD_S,
    Dating,
    guesses_around,
    guesses_from,
    guesses_until,
)

UNIX = 1_767_225_600.0
DAY = 86400.0
ROLLS = [n / 100 for n in range(100)]


def tried(dating: Dating, now: float = 0.0) -> list[float]:
    return [dating.pick(UNIX + now, now, dice) for dice in ROLLS]


def test_who_has_heard_nothing_has_one_date() -> None:
    dating = Dating()
    assert not dating.is_open(0.0)
    assert set(tried(dating)) == {UNIX}


def test_what_was_overheard_is_tried_half_of_the_time() -> None:
    dating = Dating()
    dating.overhear(UNIX + 9 * DAY, 0.0, UNIX)
    assert dating.is_open(0.0)
    dates = tried(dating)
    assert dates.count(UNIX) == 50
    assert dates.count(UNIX + 9 * DAY) == 50


def test_old_recordings_leave_our_own_date_and_the_latest_their_share() -> None:
    dating = Dating()
    for age in range(2, 1000):
        dating.overhear(UNIX - age * DAY, 0.0, UNIX)
    dating.overhear(UNIX + 9 * DAY, 0.0, UNIX)
    dating.overhear(UNIX + 5 * DAY, 0.0, UNIX)
    dates = tried(dating)
    assert set(dates) == {UNIX, UNIX - 2 * DAY, UNIX + 9 * DAY}
    assert dates.count(UNIX) == 50
    assert dates.count(UNIX + 9 * DAY) == 25


def test_what_was_overheard_ages_and_is_forgotten() -> None:
    dating = Dating()
    dating.overhear(UNIX + 9 * DAY, 0.0, UNIX)
    assert UNIX + 9 * DAY + OVERHEARD_S in tried(dating, OVERHEARD_S)
    later = OVERHEARD_S + 1
    assert set(tried(dating, later)) == {UNIX + later}
    dating.overhear(UNIX + 5 * DAY, later, UNIX + later)
    assert UNIX + 5 * DAY in tried(dating, later)


def test_guesses_cover_three_weeks_in_a_drawer_with_ten_dates() -> None:
    guess = guesses_from(UNIX)
    dates = [guess(number) for number in range(11)]
    for hours in range(21 * 24):
        assert any(abs(UNIX + hours * 3600 - date) < CLOCK_WINDOW_S for date in dates)


def test_guesses_from_a_link_cover_an_invites_longest_life() -> None:
    guess = guesses_until(UNIX)
    dates = [guess(number) for number in range(200)]
    for hours in range(366 * 24):
        assert any(abs(UNIX - hours * 3600 - date) < CLOCK_WINDOW_S for date in dates)
    assert guess(10_000_000) in dates


def test_guesses_around_go_farther_and_farther_to_either_side() -> None:
    guess = guesses_around(UNIX)
    assert [guess(number) - UNIX for number in range(4)] == [
        -GUESS_STEP_S, GUESS_STEP_S, -2 * GUESS_STEP_S, 2 * GUESS_STEP_S,
    ]  # fmt: skip
    dates = [guess(number) for number in range(1000)]
    assert max(dates) - UNIX > 900 * DAY


def test_each_request_takes_the_guesses_after_those_of_the_last() -> None:
    dating = Dating()
    guess = guesses_from(UNIX)
    picked = dating.next_guesses(guess, COPIES_ALONE) + dating.next_guesses(guess, COPIES_LOST)
    assert picked == [guess(number) for number in range(COPIES_ALONE + COPIES_LOST)]
    assert dating.guessed == len(picked)
