"""Addresses that did not answer of late, so that not every look-up asks them again.

What reaches one device need not reach another: a NAT lets in whom its device has sent to, and
those are told of to all the others. Each would be asked three times in each look-up near it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_SILENT_ENDPOINTS

# Whoever comes back before asks those near it itself, and is heard by that. Who stays silent each
# time, as one behind a NAT that knows nothing of us does, is passed over for longer: a device asks
# around every few hours, and what it sends to those who never heard of it is padded.
SILENT_S = 3600.0
GROWTH = 4
LONGEST_S = 16 * SILENT_S


class _Silence(NamedTuple):
    since: float
    lasts_s: float

    def is_over(self, now: float) -> bool:
        return now - self.since >= self.lasts_s


_NEVER = _Silence(float("-inf"), 0.0)


class Silences:
    """Times are the running loop's."""

    def __init__(self) -> None:
        self._silences: OrderedDict[Endpoint, _Silence] = OrderedDict()
        self._answered = float("-inf")
        """When anybody answered last."""

    def heard(self, endpoint: Endpoint, now: float) -> None:
        """Something came from there that shows that it hears us, or that its NAT is open."""
        self._answered = now
        self._silences.pop(endpoint, None)

    def unanswered(self, endpoint: Endpoint, asked: float, now: float) -> None:
        """A request of then was given up. If nobody else has answered since, it says more of our
        own way out."""
        if self._answered <= asked:
            return
        last = self._silences.get(endpoint, _NEVER)
        if not last.is_over(now):
            return
        lasts_s = min(max(SILENT_S, GROWTH * last.lasts_s), LONGEST_S)
        self._silences[endpoint] = _Silence(now, lasts_s)
        self._silences.move_to_end(endpoint)
        if len(self._silences) > DHT_SILENT_ENDPOINTS:
            self._silences.popitem(last=False)

    def is_silent(self, endpoint: Endpoint, now: float) -> bool:
        """Whether it is not to be asked only because another tells of it."""
        return not self._silences.get(endpoint, _NEVER).is_over(now)

    def forget(self) -> None:
        """Our network changed: who was silent may not be now."""
        self._silences.clear()

    def __len__(self) -> int:
        return len(self._silences)
