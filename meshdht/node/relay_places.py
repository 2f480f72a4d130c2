"""The relays that a device knows: where they are, how far, and which it passes over for a while."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint

# How many relays of those that there are: one carries the traffic, the other is there when it dies.
WIDTH = 2
# What is assumed of a relay whose delay nobody has measured: between a near and a far one.
UNKNOWN_S = 0.1
# A relay that refused, or did not answer, is passed over for so long.
SHUN_S = 120.0


@dataclass(frozen=True, slots=True)
class RelayPlace:
    """A relay that may be asked."""

    relay: DeviceId
    endpoint: Endpoint
    delay_s: float | None = None
    """Our round trip to it, if it was measured."""


def or_unknown(delay_s: float | None) -> float:
    return UNKNOWN_S if delay_s is None else delay_s


def nearest_first(places: Iterable[RelayPlace]) -> list[RelayPlace]:
    return sorted(places, key=lambda place: (or_unknown(place.delay_s), place.relay))


class RelayPlaces:
    """``look_up()`` tells of all relays. Times are monotonic seconds."""

    def __init__(self, look_up: Callable[[], Mapping[DeviceId, RelayPlace]]) -> None:
        self._look_up = look_up
        self._known: tuple[float, Mapping[DeviceId, RelayPlace]] = (-math.inf, {})
        """The relays that we know, and when that was looked up."""
        self._shunned: dict[DeviceId, float] = {}
        """Relays that are passed over, and until when."""

    def known(self, now: float) -> Mapping[DeviceId, RelayPlace]:
        """Looked up once for all who are looked after at a moment."""
        if self._known[0] != now:
            self._known = (now, self._look_up())
        return self._known[1]

    def look_again(self) -> None:
        """There may be others, at this very moment."""
        self._known = (-math.inf, {})

    def shun(self, relay: DeviceId, now: float) -> None:
        """It refused, or did not answer."""
        self._shunned[relay] = now + SHUN_S

    def is_shunned(self, relay: DeviceId, now: float) -> bool:
        return self._shunned.get(relay, now) > now

    def shun_none(self) -> None:
        """What kept them silent may not any more."""
        self._shunned.clear()
