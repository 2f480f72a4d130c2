"""Finds the network's anchors that this device lacks, through the members that know them.

An anchor makes itself known to whom it meets. A device that was off then, or had not heard of its
admission yet, passed it over; and a deputy (deputies.py) that knows no anchor hands nothing in.
So each anchor of the log that is no contact is looked up by its id: at once, and while that is in
vain ever more rarely.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from meshdht.clock import Entropy
from meshdht.dht.dht import Dht

# How often the log is compared with the contacts; costs nothing.
CHECK_S = 20.0
# Pauses between look-ups of one anchor; the last one repeats.
PAUSES_S = (60.0, 300.0, 1800.0, 6 * 3600.0)


class Anchorage:
    """``anchors()`` gives the ids of the anchors that the log names."""

    def __init__(
        self, dht: Dht, entropy: Entropy, anchors: Callable[[], Collection[bytes]]
    ) -> None:
        self._dht = dht
        self._entropy = entropy
        self._anchors = anchors
        self._looks: dict[bytes, tuple[int, float]] = {}
        """Of each that is missing: how often it was looked up, and when it is next."""

    async def run(self) -> None:
        """Look for what is missing, for ever."""
        while True:
            await asyncio.sleep(CHECK_S * self._entropy.uniform(0.5, 1.0))
            if not self._dht.is_entered:
                # There is nobody to ask: that would be in vain, and is no look.
                continue
            known = self._dht.anchors.ids()
            missing = sorted(each for each in self._anchors() if each not in known)
            self._looks = {each: self._looks.get(each, (0, 0.0)) for each in missing}
            now = asyncio.get_running_loop().time()
            for each, (looks, due) in self._looks.items():
                if due <= now:
                    pause = PAUSES_S[min(looks, len(PAUSES_S) - 1)]
                    self._looks[each] = looks + 1, now + pause * self._entropy.uniform(0.8, 1.2)
                    await self._dht.find_node(each)
