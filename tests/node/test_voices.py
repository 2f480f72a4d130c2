"""What members' clocks say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import DeviceId
from meshdht.limits import CLOCK_VOICES_MAX
from meshdht.node.voices import (
    EARLIEST_UNIX,
    TOLERANCE_S,
    VOICE_LIFETIME_S,
    Voices,
    agree,
    upper_median,
)

UNIX = EARLIEST_UNIX + 1e7


def member(number: int) -> DeviceId:
    return DeviceId(number.to_bytes(20, "big"))


def test_a_member_has_one_voice_the_last() -> None:
    voices = Voices()
    voices.hear(member(1), UNIX, 100.0, is_sound=True)
    voices.hear(member(1), UNIX + 50, 110.0, is_sound=True)
    [voice] = voices.fresh(110.0).values()
    assert voice.offset == UNIX + 50 - 110.0


def test_a_clock_from_before_the_protocol_or_disowned_has_no_voice() -> None:
    voices = Voices()
    voices.hear(member(1), 5.0, 100.0, is_sound=True)
    voices.hear(member(2), UNIX, 100.0, is_sound=False)
    voices.hear(member(3), UNIX, 100.0, is_sound=True)
    assert [voice.is_sound for voice in voices.fresh(100.0).values()] == [False, False, True]


def test_a_voice_is_forgotten_after_its_lifetime() -> None:
    voices = Voices()
    voices.hear(member(1), UNIX, 0.0, is_sound=True)
    voices.hear(member(2), UNIX, 100.0, is_sound=True)
    assert set(voices.fresh(VOICE_LIFETIME_S + 1)) == {member(2)}
    voices.forget()
    assert voices.fresh(100.0) == {}


def test_voices_are_bounded() -> None:
    voices = Voices()
    for number in range(CLOCK_VOICES_MAX + 10):
        voices.hear(member(number), UNIX, float(number), is_sound=True)
    kept = voices.fresh(float(CLOCK_VOICES_MAX + 10))
    assert len(kept) == CLOCK_VOICES_MAX
    assert member(0) not in kept


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=9), st.lists(st.floats(-1e9, 1e9)))
def test_a_minority_cannot_move_the_median_out_of_what_the_others_say(
    honest: list[float], liars: list[float]
) -> None:
    liars = liars[: (len(honest) - 1) // 2]
    assert min(honest) <= upper_median(honest + liars) <= max(honest)


def test_of_two_clocks_the_later_wins() -> None:
    assert upper_median([5.0, -9.0]) == 5.0


def test_clocks_agree_within_ten_minutes() -> None:
    assert agree(0.0, TOLERANCE_S)
    assert not agree(0.0, TOLERANCE_S + 1)
