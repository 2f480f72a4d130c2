"""Others, who are asked where they see us when a path fails under traffic.

Our router may have forgotten all that it had mapped, and who is called then has to be told our new
outer endpoint. The question also opens the router to those that are asked: a call comes by them.
A router that starts anew or is given another address passes nothing on for some seconds: until one
of them answers they are asked again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from meshdht.crypto.keys import DeviceId

# So many are asked, so often at most, and for so long while nobody answers.
WITNESSES = 3
AGAIN_S = 2.0
PATIENCE_S = 20.0


class Witnesses:
    """``reached()`` are the devices beyond our own networks; ``probe(device)`` asks one, and
    ``insist(device)`` one that has not answered."""

    def __init__(
        self,
        reached: Callable[[], Sequence[DeviceId]],
        probe: Callable[[DeviceId], None],
        insist: Callable[[DeviceId], None],
    ) -> None:
        self._reached = reached
        self._probe = probe
        self._insist = insist
        self._again_at = -math.inf
        self._asked: list[DeviceId] = []
        """Nobody of these has answered yet."""
        self._insist_at = self._until = 0.0

    def ask(self, failing: DeviceId, now: float) -> None:
        """The path to this one fails, or may; ``now``: monotonic."""
        if now < self._again_at:
            return
        chosen = [each for each in self._reached() if each != failing][:WITNESSES]
        if not chosen:
            # Those that were asked before have fallen silent, and are still asked.
            return
        self._again_at = self._insist_at = now + AGAIN_S
        self._asked, self._until = chosen, now + PATIENCE_S
        for device in chosen:
            self._probe(device)

    def answered(self, device: DeviceId) -> None:
        """One of our probes was."""
        if device in self._asked:
            self._asked = []

    @property
    def deadline(self) -> float:
        """When ``poll`` is due next; infinity while nobody is asked."""
        return self._insist_at if self._asked else math.inf

    def poll(self, now: float) -> None:
        """Ask again, if it is time."""
        if now < self.deadline:
            return
        self._insist_at = now + AGAIN_S
        for device in self._asked:
            self._insist(device)
        if now >= self._until:
            self._asked = []
