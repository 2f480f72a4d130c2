"""Which dates to try in requests to whoever has not heard us, while our own date may be wrong.

A packet dated far from its receiver's clock is heard only if it echoes a token, and to give a
token the receiver must have heard something. So a device that may be the one in the wrong also
dates requests

- as packets that it could not let in itself were dated (*overheard*: whoever sent them knows
  the packet key; replayed ones only cost some of our requests their hearing),
- if it knows that its clock is wrong, or nobody hears it, by *guesses* from what it does know:
  copies of each request, to addresses that nothing came from.

Neither moves a clock: that takes a member's answer to a probe of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshdht.limits import CLOCK_WINDOW_S

# For so long, a date that was overheard is tried.
OVERHEARD_S = 600.0
# Each guess is heard by clocks within a window of it on either side.
GUESS_STEP_S = 2.0 * CLOCK_WINDOW_S - 7200.0
# Copies of one request: of who knows that its clock is wrong, and of who may have been unheard for
# another reason.
COPIES_LOST = 16
COPIES_ALONE = 4
# Who does not know its clock to be wrong gives up after so many (a year and a half, either way):
# more likely the others are off, and each request would go out five times over for ever.
GUESSES_ALONE = 512
# As far as guesses go before they begin again: from the last that was written down, or from the
# link's expiry back, an invite's longest life.
GUESSES_LATER = int(10 * 366 * 86400 / GUESS_STEP_S)
GUESSES_EARLIER = int(367 * 86400 / GUESS_STEP_S) + 1

Guess = Callable[[int], float]
"""guess(number): Unix seconds; numbers count from 0 without end."""


def guesses_from(unix: float) -> Guess:
    """Later and later: the device was off since then."""
    return lambda number: unix + number % GUESSES_LATER * GUESS_STEP_S


def guesses_around(unix: float) -> Guess:
    """Farther and farther, to either side: the clock may be wrong by anything."""

    def guess(number: int) -> float:
        steps = number % GUESSES_LATER // 2 + 1
        return unix + (steps if number % 2 else -steps) * GUESS_STEP_S

    return guess


def guesses_until(unix: float) -> Guess:
    """Earlier and earlier: a link that is any good has not expired."""
    return lambda number: unix - (0.25 + number % GUESSES_EARLIER) * GUESS_STEP_S


@dataclass(frozen=True, slots=True)
class _Overheard:
    offset: float
    until: float


class Dating:
    """Picks the date of a request. ``now`` is monotonic; dates are Unix seconds."""

    def __init__(self) -> None:
        self._ahead: _Overheard | None = None
        self._behind: _Overheard | None = None
        self._guessed = 0

    def overhear(self, unix: float, now: float, own_unix: float) -> None:
        """A packet that opened was dated too far from our time to be let in.

        Of both sides the latest counts: recordings are older than what they were recorded of.
        """
        heard = _Overheard(unix - now, now + OVERHEARD_S)
        if unix > own_unix:
            if self._ahead is None or self._ahead.until < now or heard.offset > self._ahead.offset:
                self._ahead = heard
        elif self._behind is None or self._behind.until < now or heard.offset > self._behind.offset:
            self._behind = heard

    def is_open(self, now: float) -> bool:
        """Whether there is anything but our own time to try."""
        return any(each is not None and each.until >= now for each in (self._ahead, self._behind))

    def pick(self, unix: float, now: float, dice: float) -> float:
        """Our own time half of the time, else one overheard; ``dice`` is drawn from 0 to 1.

        Drawn, not in turn: two peers that are asked by turns must both hear each date.
        """
        others = [
            now + each.offset
            for each in (self._ahead, self._behind)
            if each is not None and each.until >= now
        ]
        if dice < 0.5 or not others:
            return unix
        return others[min(int((dice - 0.5) * 2 * len(others)), len(others) - 1)]

    @property
    def guessed(self) -> int:
        """How many dates have been guessed so far."""
        return self._guessed

    def next_guesses(self, guess: Guess, copies: int) -> list[float]:
        """The dates of a request's copies."""
        first = self._guessed
        self._guessed += copies
        return [guess(number) for number in range(first, self._guessed)]
