"""How far the generation in use has spread, and with it what the log said when it began.

A packet that opens under the keys in use comes from a device that has gone over to it, and it goes
over when the log tells it to: so nobody need say that it has heard of a revocation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.membership.roster import Device, Roster


@dataclass(frozen=True, slots=True)
class Spread:
    """The other devices of the roster, by whether they speak under the generation in use."""

    generation: int
    know: tuple[Device, ...]
    waiting: tuple[Device, ...]
    """A path leads to them, and they were not heard yet."""
    offline: tuple[Device, ...]
    """None does, though one is kept where it can be."""
    elsewhere: tuple[Device, ...]
    """No path is kept to them: their neighbours tell them."""
    took_s: float
    """From when this device went over until the last of those who know was heard."""


class Hearing:
    """Who was heard since this device went over, and when."""

    def __init__(self, now: float) -> None:
        """``now``: monotonic seconds, here as below."""
        self._begun = now
        self._at: dict[DeviceId, float] = {}

    def begin(self, now: float) -> None:
        """Another generation is in use."""
        self._begun = now
        self._at = {}

    def heard(self, device: DeviceId, now: float, roster: Roster) -> None:
        """A packet opened under the keys in use; others than devices are passed over."""
        if device not in self._at and device in roster:
            self._at[device] = now

    def spread(
        self,
        own: DeviceId,
        generation: int,
        roster: Roster,
        sought: Sequence[DeviceId],
        is_connected: Callable[[DeviceId], bool],
    ) -> Spread:
        """Who knows. ``sought``: the devices that a path is kept to, or would be."""
        others = sorted((each for each in roster if each.id != own), key=lambda each: each.name)
        unheard = [each for each in others if each.id not in self._at]
        near = set(sought)
        know = tuple(each for each in others if each.id in self._at)
        return Spread(
            generation=generation,
            know=know,
            waiting=tuple(each for each in unheard if is_connected(each.id)),
            offline=tuple(e for e in unheard if e.id in near and not is_connected(e.id)),
            elsewhere=tuple(e for e in unheard if e.id not in near and not is_connected(e.id)),
            took_s=max((self._at[each.id] - self._begun for each in know), default=0.0),
        )
