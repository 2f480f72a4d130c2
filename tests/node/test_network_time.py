"""The time as the network sees it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from meshdht.crypto.keys import DeviceId
from meshdht.node.dating import guesses_until
from meshdht.node.network_time import ALONE_S, HOLD_S, ClockVerdict, NetworkTime, WrongClock
from meshdht.node.voices import EARLIEST_UNIX, VOICE_LIFETIME_S

TRUE = EARLIEST_UNIX + 1e7
DAY = 86400.0


class Machine:
    """Two clocks that the test sets."""

    def __init__(self, skew: float = 0.0) -> None:
        self.now = 1000.0
        self.skew = skew

    def monotonic(self) -> float:
        return self.now

    def unix(self) -> float:
        return self.true + self.skew

    @property
    def true(self) -> float:
        return TRUE + self.now


def member(number: int) -> DeviceId:
    return DeviceId(number.to_bytes(20, "big"))


def hear(
    time: NetworkTime, machine: Machine, skews: Sequence[float], *, sound: bool = True
) -> None:
    """Members 1, 2, … answer; then the time passes that a verdict takes."""
    for number, skew in enumerate(skews, 1):
        clock = machine.true + skew
        time.hear(member(number), clock, is_sound=sound, date=time.unix())
    machine.now += HOLD_S


def error(time: NetworkTime, machine: Machine) -> float:
    return time.unix() - machine.true


def wrong(time: NetworkTime) -> dict[DeviceId | None, float]:
    return {each.device: each.ahead_s for each in time.verdict().wrong}


def test_alone_it_is_the_machines_own() -> None:
    machine = Machine(skew=3 * DAY)
    time = NetworkTime(machine)
    assert error(time, machine) == 3 * DAY
    assert time.monotonic() == machine.now
    assert time.verdict() == ClockVerdict((), (None,), 1)


@pytest.mark.parametrize("skew", [-60.0, 60.0, 590.0])
def test_small_differences_are_left_alone(skew: float) -> None:
    machine = Machine(skew)
    time = NetworkTime(machine)
    hear(time, machine, [0.0, 1.0, 2.0])
    assert error(time, machine) == skew
    assert wrong(time) == {}


@pytest.mark.parametrize("skew", [-DAY, 3600.0, -20 * DAY, 365 * DAY, 700.0])
def test_a_majority_outvotes_our_clock_and_names_it(skew: float) -> None:
    machine = Machine(skew)
    time = NetworkTime(machine)
    hear(time, machine, [0.0, 1.0])
    assert abs(error(time, machine)) < 2
    assert time.own_unix() == machine.unix()
    verdict = time.verdict()
    [found] = verdict.wrong
    assert found.device is None
    assert abs(found.ahead_s - skew) < 2
    assert verdict.agreeing == (member(1), member(2))
    assert verdict.clocks == 3
    assert verdict.is_certain


def test_a_minority_does_not_and_is_named() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    hear(time, machine, [0.0, DAY, -DAY, 1.0])
    assert error(time, machine) == 0
    assert wrong(time) == {member(2): DAY, member(3): -DAY}
    assert set(time.verdict().agreeing) == {None, member(1), member(4)}


def test_of_two_the_later_wins_and_nobody_is_certain() -> None:
    machine = Machine(-DAY)
    time = NetworkTime(machine)
    hear(time, machine, [0.0])
    assert error(time, machine) == 0
    assert not time.verdict().is_certain
    later = NetworkTime(Machine(DAY))
    later.hear(member(1), TRUE + 1000.0, is_sound=True, date=TRUE)
    assert later.unix() == TRUE + 1000.0 + DAY


def test_a_start_among_many_is_not_led_by_the_first_that_answers() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    shifts: list[bool] = []
    time.on_shift = lambda: shifts.append(True)
    time.hear(member(1), machine.true + DAY, is_sound=True, date=machine.true + DAY)
    machine.now += HOLD_S / 2
    assert error(time, machine) == 0
    time.hear(member(2), machine.true, is_sound=True, date=machine.true)
    machine.now += 2 * HOLD_S
    assert error(time, machine) == 0
    assert shifts == []
    assert wrong(time) == {member(1): DAY}


# --- clocks that are known to be wrong -----------------------------------------------------------


def test_a_board_in_1970_follows_the_first_right_clock_at_once() -> None:
    machine = Machine(-TRUE)
    time = NetworkTime(machine)
    shifts: list[bool] = []
    time.on_shift = lambda: shifts.append(True)
    assert not time.is_sound
    time.hear(member(1), machine.true, is_sound=True, date=machine.true)
    assert error(time, machine) == 0
    assert shifts == [True]
    assert time.verdict() == ClockVerdict((WrongClock(None, -TRUE),), (member(1),), 1)
    assert time.verdict().is_certain


def test_one_right_clock_wins_against_any_number_in_1970() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    hear(time, machine, [-TRUE] * 20)
    assert error(time, machine) == 0
    assert time.verdict().clocks == 1
    assert set(wrong(time)) == {member(number) for number in range(1, 21)}


def test_a_board_that_woke_in_1970_goes_on_from_what_it_wrote_down() -> None:
    machine = Machine(-TRUE)
    time = NetworkTime(machine, floor=machine.true - DAY)
    assert error(time, machine) == -DAY
    machine.now += 500
    assert error(time, machine) == -DAY
    assert set(wrong(time)) == {None}
    assert time.verdict().clocks == 0


def test_a_clock_at_its_images_date_has_no_voice_beside_what_was_written_later() -> None:
    machine = Machine(-200 * DAY)
    time = NetworkTime(machine, floor=machine.true - DAY)
    assert not time.is_sound
    hear(time, machine, [-200 * DAY] * 3, sound=False)
    assert error(time, machine) == -DAY, "the others disown their clocks as well"
    hear(time, machine, [0.0])
    assert error(time, machine) == 0


def test_no_time_is_before_the_protocol() -> None:
    machine = Machine(-TRUE - 1000)
    assert NetworkTime(machine).unix() == EARLIEST_UNIX


def test_devices_that_have_no_time_at_all_meet_at_the_latest_that_one_wrote_down() -> None:
    machine = Machine(-TRUE)
    time = NetworkTime(machine, floor=machine.true - 9 * DAY)
    clock = machine.true - TRUE
    time.hear(member(1), clock, is_sound=True, date=machine.true - 3 * DAY)
    assert error(time, machine) == -3 * DAY
    time.hear(member(2), clock, is_sound=True, date=machine.true - 5 * DAY)
    assert error(time, machine) == -3 * DAY
    time.hear(member(3), machine.true - 8 * DAY, is_sound=True, date=machine.true)
    assert error(time, machine) == -8 * DAY, "a clock that has a voice settles it"


def test_whoever_has_a_time_follows_no_date() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    time.follow(machine.true + 9 * DAY)
    time.hear(member(1), machine.true, is_sound=True, date=machine.true + 9 * DAY)
    machine.now += HOLD_S
    assert error(time, machine) == 0


def test_a_wrong_date_that_was_written_down_costs_a_right_clock_its_voice_and_no_more() -> None:
    machine = Machine()
    time = NetworkTime(machine, floor=machine.true + 900 * DAY)
    assert not time.is_sound
    hear(time, machine, [0.0])
    assert abs(error(time, machine)) < 1
    assert wrong(time) == {}


# --- a clock that is set -------------------------------------------------------------------------


def test_a_clock_that_is_set_right_counts_at_once() -> None:
    machine = Machine(-TRUE)
    time = NetworkTime(machine, floor=machine.true - DAY)
    hear(time, machine, [-3600.0])
    machine.skew = 0.0
    assert error(time, machine) == 0
    assert time.is_sound
    hear(time, machine, [0.0])
    assert wrong(time) == {}


def test_a_clock_that_is_set_wrong_is_outvoted_once_the_others_answer() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    hear(time, machine, [0.0, 0.0])
    machine.skew = DAY
    assert error(time, machine) == DAY
    hear(time, machine, [0.0, 0.0])
    assert error(time, machine) == 0
    assert wrong(time) == {None: DAY}


def test_a_long_sleep_blames_nobody() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    hear(time, machine, [0.0, 0.0, 0.0])
    machine.skew = 8 * 3600.0  # the monotonic clock stood still meanwhile
    assert error(time, machine) == 8 * 3600.0
    hear(time, machine, [8 * 3600.0])
    assert wrong(time) == {}


def test_a_clock_that_drifts_is_followed() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    hear(time, machine, [0.0, 0.0])
    for _ in range(100):
        machine.now += 60
        machine.skew += 0.5
        assert error(time, machine) == machine.skew


# --- verdicts ------------------------------------------------------------------------------------


def test_a_verdict_is_told_when_it_changes_and_ends_with_its_cause() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    told: list[bool] = []
    time.on_verdict = lambda: told.append(True)
    hear(time, machine, [0.0, DAY])
    assert wrong(time) == {member(2): DAY}
    hear(time, machine, [0.0, DAY])
    assert wrong(time) == {member(2): DAY}
    assert told == [True]
    hear(time, machine, [0.0, 0.0])
    assert wrong(time) == {}
    assert told == [True, True]


def test_a_member_that_is_gone_is_named_no_more() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    hear(time, machine, [0.0, DAY])
    machine.now += VOICE_LIFETIME_S + 1
    assert wrong(time) == {}


# --- the dates of requests -----------------------------------------------------------------------


def test_who_has_a_time_dates_all_by_it() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    assert not time.is_unsure
    time.overhear(machine.true + 5 * DAY)
    assert time.is_unsure
    assert time.request_date(0.0) == machine.true
    assert time.request_date(1.0) == machine.true + 5 * DAY


def test_who_has_none_guesses_from_what_it_wrote_down() -> None:
    machine = Machine(-TRUE)
    time = NetworkTime(machine, floor=machine.true - 21 * DAY)
    assert time.is_guessing
    dates = [*time.guesses(), *time.guesses(), *time.guesses()]
    assert min(abs(date - machine.true) for date in dates) < DAY * 1.05
    hear(time, machine, [0.0])
    time.heard_back()
    assert not time.is_guessing


def test_who_is_heard_by_nobody_doubts_its_own_clock() -> None:
    machine = Machine(10 * DAY)
    time = NetworkTime(machine)
    assert not time.is_guessing
    machine.now += ALONE_S + 1
    assert time.is_guessing
    dates = [date for _ in range(3) for date in time.guesses()]
    assert min(abs(date - machine.true) for date in dates) < DAY * 1.05
    time.heard_back()
    assert not time.is_guessing


def test_who_is_alone_gives_up_guessing() -> None:
    machine = Machine()
    time = NetworkTime(machine)
    machine.now += ALONE_S + 1
    while time.is_guessing:
        dates = time.guesses()
    assert dates[-1] - machine.true > 365 * DAY


def test_a_joiner_tries_the_dates_at_which_its_link_was_good() -> None:
    machine = Machine(-TRUE)
    time = NetworkTime(machine, guess=guesses_until(machine.true + 1800))
    assert time.is_guessing
    assert abs(time.guesses()[0] - machine.true) < DAY


def test_a_member_far_from_our_time_has_its_date_tried_at_the_others() -> None:
    machine = Machine(9 * DAY)
    time = NetworkTime(machine)
    time.hear(member(1), machine.true, is_sound=True, date=machine.true)
    assert error(time, machine) == 9 * DAY, "of two, the later"
    assert time.request_date(1.0) == machine.true


def test_what_the_admitting_member_said_is_followed_without_a_time_and_tried_with_one() -> None:
    machine = Machine(-TRUE)
    time = NetworkTime(machine)
    time.told(machine.true)
    assert error(time, machine) == 0
    machine = Machine(-9 * DAY)
    time = NetworkTime(machine)
    time.told(machine.true)
    assert error(time, machine) == -9 * DAY
    assert time.request_date(1.0) == machine.true
