"""The time as the network sees it: this machine's clock, unless the others' outvote it.

Sans-IO, and a ``Clock``: a node dates, expires and counts epochs by it. Members' clocks come
from their answers to our own probes, which are boxed from device to device, so that nobody else
can speak for them and nothing old can be said again. The upper median of these and of our own
clock is the network's time, if it differs from our own by more than TOLERANCE_S.

Everything is kept against the monotonic clock. If Unix time jumps against it, either somebody
set the clock (NTP, after boot) or the machine slept: both make our own clock the best guess
again, until the others have answered anew.

It is never earlier than EARLIEST_UNIX nor, while nobody else has a voice, than what this device
has written down itself: a board without a battery goes on from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshdht.clock import Clock
from meshdht.crypto.keys import DeviceId
from meshdht.limits import CLOCK_WINDOW_S
from meshdht.node.dating import (
    COPIES_ALONE,
    COPIES_LOST,
    GUESSES_ALONE,
    Dating,
    Guess,
    guesses_around,
    guesses_from,
)
from meshdht.node.voices import EARLIEST_UNIX, TOLERANCE_S, Voice, Voices, agree, upper_median

# Unix time that moves by more than this between two looks was set, or we slept.
STEP_S = 30.0
# A verdict stands this long before it counts: when a device starts, it hears one peer first.
HOLD_S = 10.0
# The middle clock moves by network delays as it is measured; less than this is not followed.
SLACK_S = 5.0
# Who has heard nobody for so long after its start may be heard by nobody, for its dates.
ALONE_S = 2.0


@dataclass(frozen=True, slots=True)
class WrongClock:
    """A clock that the network's time disagrees with."""

    device: DeviceId | None
    """None: this device."""
    ahead_s: float
    """Of the network's time; negative if it is behind."""


@dataclass(frozen=True, slots=True)
class ClockVerdict:
    """Whose clocks are wrong, and who says so."""

    wrong: tuple[WrongClock, ...] = ()
    agreeing: tuple[DeviceId | None, ...] = ()
    """Whose clocks tell the network's time; None is this device."""
    clocks: int = 1
    """How many clocks had a voice."""

    @property
    def is_certain(self) -> bool:
        """Most clocks agree; of two that differ, nobody can say which is wrong."""
        return 2 * len(self.agreeing) > self.clocks


class NetworkTime:
    """``unix`` is the network's time, ``monotonic`` the machine's."""

    def __init__(
        self,
        clock: Clock,
        *,
        floor: float = 0.0,
        guess: Guess | None = None,
    ) -> None:
        """``floor``: the latest Unix time that this device has written down, 0 if none.
        ``guess``: which dates to guess, where not what is written down says that.
        """
        self.on_shift: Callable[[], None] = _nobody_asked
        """Called when the network's time has jumped; must not ask the time itself."""
        self.on_verdict: Callable[[], None] = _nobody_asked
        """Called when the clocks that are wrong are others than before; likewise."""
        self._clock = clock
        self._guess = guess
        self._voices = Voices()
        self._dating = Dating()
        now = clock.monotonic()
        self._own = clock.unix() - now
        self._floor = max(floor, EARLIEST_UNIX) - now
        self._due = math.inf
        self._shift: float | None = None
        """The network's offset; None while it is our own."""
        self._wrong: frozenset[DeviceId | None] = frozenset()
        self._is_lost = False
        """No clock that is known has a voice."""
        self._alone_until = now + ALONE_S
        """When to doubt our own clock, while we are heard by nobody; infinity once we are."""
        self._settle(now)

    # --- the clock ---------------------------------------------------------------------------

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def unix(self) -> float:
        now = self._look()
        return now + (self._own if self._shift is None else self._shift)

    def own_unix(self) -> float:
        """What this machine's own clock says."""
        return self._look() + self._own

    @property
    def is_sound(self) -> bool:
        """Our own clock is not known to be wrong: it has a voice."""
        return self._is_sound(self._clock.monotonic())

    def _is_sound(self, now: float) -> bool:
        return now + self._own >= EARLIEST_UNIX and self._own >= self._floor - TOLERANCE_S

    def _look(self) -> float:
        """Monotonic seconds, after what is due by then."""
        now = self._clock.monotonic()
        own = self._clock.unix() - now
        stepped = abs(own - self._own) > STEP_S
        self._own = own
        if stepped:
            self._voices.forget()
            if now + own >= EARLIEST_UNIX:
                # Set on purpose: better evidence than what was written by a clock like it.
                self._floor = EARLIEST_UNIX - now
        if stepped or now >= self._due:
            self._settle(now)
        return now

    # --- what the others say -----------------------------------------------------------------

    def hear(self, member: DeviceId, unix: float, *, is_sound: bool, date: float) -> None:
        """A member answered our own probe just now: its clock says ``unix``, and the network's
        time is ``date`` as far as it knows."""
        now = self._look()
        self._voices.hear(member, unix, now, is_sound=is_sound)
        if self._is_settled(now):
            self._due = math.inf
        elif self._is_lost:
            # Whatever it is, it is better than what we have.
            self._settle(now)
        elif self._due == math.inf:
            self._due = now + HOLD_S
        self.follow(date)
        if abs(date - self.unix()) > CLOCK_WINDOW_S / 2:
            # The others may well be dropping what we send.
            self.overhear(date)

    def follow(self, date: float) -> None:
        """Somebody who knows us dated an answer so. A device that has no time at all goes on from
        there, until a clock that has a voice is heard."""
        now = self._look()
        if self._is_lost and date - now > self._floor + SLACK_S:
            self._floor = date - now
            self._settle(now)

    def _sound_clocks(self, now: float) -> dict[DeviceId | None, float]:
        clocks: dict[DeviceId | None, float] = {
            member: voice.offset
            for member, voice in self._voices.fresh(now).items()
            if voice.is_sound
        }
        if self._is_sound(now):
            clocks[None] = self._own
        return clocks

    def _judge(self, now: float) -> float | None:
        """The network's offset; None if it is our own."""
        clocks = self._sound_clocks(now)
        if not clocks:
            return self._floor
        middle = upper_median(list(clocks.values()))
        return None if agree(middle, self._own) else middle

    def _wrong_against(self, offset: float, now: float) -> dict[DeviceId | None, float]:
        """Whose clocks disagree with an offset, and how far they are ahead of it."""
        voices = self._voices.fresh(now)
        wrong: dict[DeviceId | None, float] = {
            member: voice.offset - offset
            for member, voice in voices.items()
            if not agree(voice.offset, offset)
        }
        if not agree(self._own, offset) or (not self._is_sound(now) and not _is_backed(voices)):
            wrong[None] = self._own - offset
        return wrong

    def _is_settled(self, now: float) -> bool:
        judged = self._judge(now)
        one = self._own if judged is None else judged
        other = self._own if self._shift is None else self._shift
        close = abs(one - other) <= SLACK_S
        return close and frozenset(self._wrong_against(one, now)) == self._wrong

    def _settle(self, now: float) -> None:
        """Follow what the clocks say now."""
        before = self._own if self._shift is None else self._shift
        self._due = math.inf
        self._shift = self._judge(now)
        self._is_lost = not self._sound_clocks(now)
        after = self._own if self._shift is None else self._shift
        wrong = frozenset(self._wrong_against(after, now))
        if abs(after - before) > TOLERANCE_S:
            self.on_shift()
        if wrong != self._wrong:
            self._wrong = wrong
            self.on_verdict()

    def verdict(self) -> ClockVerdict:
        """Whose clocks are wrong as far as is known, this device's first."""
        now = self._look()
        offset = self._own if self._shift is None else self._shift
        wrong = self._wrong_against(offset, now)
        clocks = self._sound_clocks(now)
        order = sorted(self._wrong & wrong.keys(), key=lambda each: each.raw if each else b"")
        return ClockVerdict(
            tuple(WrongClock(each, wrong[each]) for each in order),
            tuple(each for each, clock in clocks.items() if agree(clock, offset)),
            len(clocks),
        )

    # --- the dates of requests ---------------------------------------------------------------

    def told(self, unix: float) -> None:
        """A member that let us in just now dated its answer so."""
        self.follow(unix)
        self.overhear(unix)

    def heard_back(self) -> None:
        """A packet was let in that answers one of ours."""
        self._alone_until = math.inf

    def overhear(self, unix: float) -> None:
        """A packet that opened was dated too far from our time to be let in."""
        now = self._look()
        self._dating.overhear(unix, now, self.unix())

    @property
    def is_unsure(self) -> bool:
        """Whether requests should try dates that were overheard."""
        return self._dating.is_open(self._clock.monotonic())

    def request_date(self, dice: float) -> float:
        """The date of a request; ``dice`` is drawn from 0 to 1."""
        return self._dating.pick(self.unix(), self._clock.monotonic(), dice)

    @property
    def is_guessing(self) -> bool:
        """Whether requests to who is not known to hear us should try any date."""
        if self._is_lost:
            return True
        alone = self._clock.monotonic() > self._alone_until
        return alone and self._dating.guessed < GUESSES_ALONE

    def guesses(self) -> Sequence[float]:
        """Dates for copies of one more request."""
        unix = self.unix()
        guess = self._guess or (guesses_from if self._is_lost else guesses_around)(unix)
        return self._dating.next_guesses(guess, COPIES_LOST if self._is_lost else COPIES_ALONE)


def _nobody_asked() -> None:
    return None


def _is_backed(voices: dict[DeviceId, Voice]) -> bool:
    """Somebody whose clock is sound has spoken."""
    return any(voice.is_sound for voice in voices.values())
