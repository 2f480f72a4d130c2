"""Hard against easy: many sockets on one side, many tries from the other. Sans-IO.

Behind a NAT whose mapping depends on the remote endpoint (*hard*) a device is seen by each peer at
another port, which nobody can foresee. If the other side has one outer endpoint for all (*easy*),
but lets in only endpoints that it has sent to, neither gets in by trying the other's known
endpoints. So the hard side opens SOCKETS sockets, each of which sends to the easy side's outer
endpoint and thereby gets a port of its own there; and the easy side sends to ports of the hard
side's address by lot, until one of its tries meets one of those ports (the birthday paradox):

    1 − (1 − 256 / 64,512)^n:    half after 174 tries, 98 % after 1,024, 99.97 % after 2,048

Many NATs count their ports up: the ports right after those that were seen come first.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from meshdht.clock import Entropy
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    BIRTHDAY_REMEMBERED,
    BIRTHDAY_SOCKETS,
    BIRTHDAY_TRIES,
    BIRTHDAY_TRIES_PER_S,
)

SOCKETS_PER_S = 256.0
# Given up after this, on both sides: the tries take 10.2 s, and both do not begin together.
ATTEMPT_S = 12.0
# Ports below are not given out by NATs that keep RFC 4787's REQ-3.
FIRST_PORT, LAST_PORT = 1024, 65535
# So many ports after one that was seen are tried before any by lot.
NEAR = 24
# A pair that could not meet has the same NATs still.
FAILED_PAUSE_S = 1800.0
# After one that met, or did not begin.
SHORT_PAUSE_S = 30.0


class ManySockets:
    """The hard side: how many sockets are to be open by now."""

    def __init__(self, now: float) -> None:
        self._begun = now
        self._opened = 0

    def due(self, now: float) -> int:
        """How many more are to be opened now."""
        wanted = 1 + int((now - self._begun) * SOCKETS_PER_S)
        due = min(wanted, BIRTHDAY_SOCKETS) - self._opened
        self._opened += due
        return due

    def deadline(self) -> float:
        """When the next is due; when it is over, once all are open."""
        if self._opened < BIRTHDAY_SOCKETS:
            return self._begun + self._opened / SOCKETS_PER_S
        return self._begun + ATTEMPT_S

    def is_over(self, now: float) -> bool:
        return now >= self._begun + ATTEMPT_S


class ManyTries:
    """The easy side: which ports of the hard side's address are to be tried by now."""

    def __init__(
        self, entropy: Entropy, host: str, seen: Sequence[int], now: float, tries: int
    ) -> None:
        """``seen``: ports of it that others see; ``tries``: how many at most."""
        self._entropy = entropy
        self._tries = min(tries, BIRTHDAY_TRIES)
        self._host = host
        self._begun = now
        near = [port + step for step in range(1, NEAR + 1) for port in sorted(set(seen))]
        self._near = [port for port in near if FIRST_PORT <= port <= LAST_PORT]
        self._tried: set[int] = set()

    def due(self, now: float) -> list[Endpoint]:
        """Where to send now, one probe each."""
        wanted = min(1 + int((now - self._begun) * BIRTHDAY_TRIES_PER_S), self._tries)
        return [self._next() for _ in range(wanted - len(self._tried))]

    def _next(self) -> Endpoint:
        """Never the same port twice."""
        port = self._near.pop(0) if self._near else self._draw()
        while port in self._tried:
            port = self._near.pop(0) if self._near else self._draw()
        self._tried.add(port)
        return Endpoint(self._host, port)

    def _draw(self) -> int:
        count = LAST_PORT - FIRST_PORT + 1
        return FIRST_PORT + min(int(self._entropy.uniform(0, count)), count - 1)

    def deadline(self) -> float:
        """When the next is due; when it is over, after the last."""
        if len(self._tried) < self._tries:
            return self._begun + len(self._tried) / BIRTHDAY_TRIES_PER_S
        return self._begun + ATTEMPT_S

    def is_over(self, now: float) -> bool:
        return now >= self._begun + ATTEMPT_S


class Attempts:
    """Whom this was tried with, and when it may be tried again."""

    def __init__(self) -> None:
        self._not_before: OrderedDict[Hashable, float] = OrderedDict()

    def may_begin(self, whom: Hashable, now: float) -> bool:
        """``whom``: a device, or an address."""
        return now >= self._not_before.get(whom, -math.inf)

    def ended(self, whom: Hashable, now: float, *, failed: bool) -> None:
        """It was tried; ``failed``: all that may be done was done in vain."""
        self._not_before[whom] = now + (FAILED_PAUSE_S if failed else SHORT_PAUSE_S)
        self._not_before.move_to_end(whom)
        if len(self._not_before) > BIRTHDAY_REMEMBERED:
            self._not_before.popitem(last=False)

    def forget(self) -> None:
        """Our network changed: what was in vain may not be now."""
        self._not_before.clear()
