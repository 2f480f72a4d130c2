"""Addresses that did not answer of late, so that not every look-up asks them again.

What reaches one device need not reach another: a NAT lets in whom its device has sent to, and
those are told of to all the others. Each would be asked three times in each look-up near it.
"""

from __future__ import annotations

from collections import OrderedDict

from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_SILENT_ENDPOINTS

# Whoever comes back before asks those near it itself, and is heard by that.
SILENT_S = 3600.0


class Silences:
    """Times are the running loop's."""

    def __init__(self) -> None:
        self._since: OrderedDict[Endpoint, float] = OrderedDict()
        self._answered = float("-inf")
        """When anybody answered last."""

    def heard(self, endpoint: Endpoint, now: float) -> None:
        """Something came from there that shows that it hears us, or that its NAT is open."""
        self._answered = now
        self._since.pop(endpoint, None)

    def unanswered(self, endpoint: Endpoint, asked: float, now: float) -> None:
        """A request of then was given up. If nobody else has answered since, it says more of our
        own way out."""
        if self._answered <= asked:
            return
        self._since.pop(endpoint, None)
        self._since[endpoint] = now
        if len(self._since) > DHT_SILENT_ENDPOINTS:
            self._since.popitem(last=False)

    def is_silent(self, endpoint: Endpoint, now: float) -> bool:
        """Whether it is not to be asked only because another tells of it."""
        return now - self._since.get(endpoint, float("-inf")) < SILENT_S

    def forget(self) -> None:
        """Our network changed: who was silent may not be now."""
        self._since.clear()

    def __len__(self) -> int:
        return len(self._since)
