"""Others, who are asked where they see us when a path fails under traffic.

Our router may have forgotten all that it had mapped, and who is called then has to be told our new
outer endpoint. The question also opens the router to those that are asked: a call comes by them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from meshdht.crypto.keys import DeviceId

# So many are asked, so often at most.
WITNESSES = 3
AGAIN_S = 2.0


class Witnesses:
    """``reached()`` are the devices beyond our own networks; ``probe(device)`` asks one."""

    def __init__(
        self, reached: Callable[[], Sequence[DeviceId]], probe: Callable[[DeviceId], None]
    ) -> None:
        self._reached = reached
        self._probe = probe
        self._again_at = -math.inf

    def ask(self, failing: DeviceId, now: float) -> None:
        """The path to this one fails, or may; ``now``: monotonic."""
        if now < self._again_at:
            return
        self._again_at = now + AGAIN_S
        for device in [each for each in self._reached() if each != failing][:WITNESSES]:
            self._probe(device)
