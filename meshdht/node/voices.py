"""What members' clocks say, and what a network makes of it: the upper median.

Sans-IO. A clock is written as an offset: its Unix seconds less this machine's monotonic
seconds. A clock that is *unsound* is known to be wrong by its own device (it is earlier than
what the device has written down itself) or by everybody (it is earlier than this protocol),
and has no voice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.limits import CLOCK_VOICES_MAX

# 2025-01-01: nothing of this protocol is older. A board without a battery wakes in 1970.
EARLIEST_UNIX = 1_735_689_600.0
# Clocks that differ by less are right: records live for hours.
TOLERANCE_S = 600.0
# A member that has not answered for so long may have been set right, or switched off.
VOICE_LIFETIME_S = 3600.0


@dataclass(frozen=True, slots=True)
class Voice:
    """A member's clock, by its answer to a probe of ours."""

    offset: float
    is_sound: bool
    heard_at: float
    """Monotonic seconds."""


class Voices:
    """One voice a member; bounded, the one heard from longest ago makes room."""

    def __init__(self) -> None:
        self._voices: OrderedDict[DeviceId, Voice] = OrderedDict()

    def hear(self, member: DeviceId, unix: float, now: float, *, is_sound: bool) -> None:
        """A member's clock said ``unix`` just now."""
        sound = is_sound and unix >= EARLIEST_UNIX
        self._voices[member] = Voice(unix - now, sound, now)
        self._voices.move_to_end(member)
        if len(self._voices) > CLOCK_VOICES_MAX:
            self._voices.popitem(last=False)

    def forget(self) -> None:
        """This machine's monotonic clock may have stood still: nothing holds any more."""
        self._voices.clear()

    def fresh(self, now: float) -> dict[DeviceId, Voice]:
        """The voices that still count."""
        oldest = now - VOICE_LIFETIME_S
        while self._voices and next(iter(self._voices.values())).heard_at < oldest:
            self._voices.popitem(last=False)
        return dict(self._voices)


def upper_median(offsets: Sequence[float]) -> float:
    """The middle one; of two in the middle the later, since clocks that lost power fall behind."""
    return sorted(offsets)[len(offsets) // 2]


def agree(one: float, other: float) -> bool:
    """Whether two offsets are of clocks that tell the same time."""
    return abs(one - other) <= TOLERANCE_S
