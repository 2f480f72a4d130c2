"""Hard against easy: many sockets on one side, many tries from the other. Sans-IO.

Behind a NAT whose mapping depends on the remote endpoint (*hard*) a device is seen by each peer at
another port, which nobody can foresee. If the other side has one outer endpoint for all (*easy*),
but lets in only endpoints that it has sent to, neither gets in by trying the other's known
endpoints. So the hard side opens sockets, each of which sends to the easy side's outer endpoint and
thereby gets a port of its own there; and the easy side sends to ports of the hard side's address by
lot, until one of its tries meets one of those ports (the birthday paradox):

    1 − (1 − 256 / 64,512)^n:    half after 174 tries, 98 % after 1,024, 99.97 % after 2,048

It does not matter which of the two comes first: either lets the other in. Many NATs count their
ports up: the ports right after those that were seen come first.

One socket serves all peers, since such a NAT gives it another port for each. So a device meets
several at once, and what it sends is divided among them (``Volley``).
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from meshdht.clock import Entropy
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    BIRTHDAY_PEER_PER_S,
    BIRTHDAY_PER_S,
    BIRTHDAY_REMEMBERED,
    BIRTHDAY_WINDOW_S,
)

Whom = TypeVar("Whom", bound=Hashable)

# Given up after this, on both sides: the tries take four seconds where a peer is alone, and both do
# not begin together.
ATTEMPT_S = 12.0
# What a sender that was busy with other things makes up for, at most.
LATE_S = 0.1
# Ports below are not given out by NATs that keep RFC 4787's REQ-3.
FIRST_PORT, LAST_PORT = 1024, 65535
# So many ports after one that was seen are tried before any by lot.
NEAR = 24
# After an attempt that did not come to its end, since others used up what may be spent in a while.
SHORT_PAUSE_S = 30.0
# A pair that could not meet though all was sent has the same NATs still.
FAILED_PAUSE_S = 1800.0


@dataclass(slots=True)
class _Share:
    """What goes to one peer."""

    begun: float
    most: int
    sent: int = 0

    def wanted(self, now: float) -> int:
        """How many more it would have by now if it were alone."""
        return min(self.most, 1 + int((now - self.begun) * BIRTHDAY_PEER_PER_S)) - self.sent


class Volley(Generic[Whom]):
    """When to send how many datagrams to whom: to each so many a second, to all together so many,
    and no more than ``most`` in BIRTHDAY_WINDOW_S, since each takes an entry in our NAT's table for
    about that long. Who has had least comes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._shares: dict[Whom, _Share] = {}
        self._sent: deque[tuple[float, int]] = deque()
        """When, and how many, in the last BIRTHDAY_WINDOW_S."""
        self._paid_until = -math.inf

    def begin(self, whom: Whom, now: float, most: int) -> None:
        """From now on something is due for this one too, ``most`` datagrams at most."""
        self._shares[whom] = _Share(now, most)

    def end(self, whom: Whom) -> bool:
        """No more; whether it was sent all that it may be. Ending again is harmless."""
        share = self._shares.pop(whom, None)
        return share is not None and share.sent >= share.most

    def __bool__(self) -> bool:
        """Whether there is anybody to send to."""
        return bool(self._shares)

    def is_over(self, whom: Whom, now: float) -> bool:
        return now >= self._shares[whom].begun + ATTEMPT_S

    def left(self, now: float) -> int:
        """How many more may be sent right now, if time allowed it."""
        while self._sent and self._sent[0][0] <= now - BIRTHDAY_WINDOW_S:
            self._sent.popleft()
        return self._most - sum(count for _, count in self._sent)

    def due(self, now: float) -> list[tuple[Whom, int]]:
        """Whom to send one datagram each now, and the how manieth it is of that one's, from 0."""
        self._paid_until = max(self._paid_until, now - LATE_S)
        room = min(int((now - self._paid_until) * BIRTHDAY_PER_S), self.left(now))
        due: list[tuple[Whom, int]] = []
        while len(due) < room:
            waiting = [each for each in self._shares.items() if each[1].wanted(now) > 0]
            if not waiting:
                break
            whom, share = min(waiting, key=lambda each: each[1].sent)
            due.append((whom, share.sent))
            share.sent += 1
        self._paid_until += len(due) / BIRTHDAY_PER_S
        if due:
            self._sent.append((now, len(due)))
        return due


class PortLot:
    """Which ports of the hard side's address are tried: never the same twice."""

    def __init__(self, entropy: Entropy, host: str, seen: Sequence[int]) -> None:
        """``seen``: ports of it that others see."""
        self._entropy = entropy
        self.host = host
        near = [port + step for step in range(1, NEAR + 1) for port in sorted(set(seen))]
        self._near = deque(port for port in near if FIRST_PORT <= port <= LAST_PORT)
        self._drawn: set[int] = set()

    def draw(self) -> Endpoint:
        """The next. There are 64,512, and far fewer are ever wanted."""
        while (port := self._near.popleft() if self._near else self._any()) in self._drawn:
            continue
        self._drawn.add(port)
        return Endpoint(self.host, port)

    def _any(self) -> int:
        count = LAST_PORT - FIRST_PORT + 1
        return FIRST_PORT + min(int(self._entropy.uniform(0, count)), count - 1)


class Attempts:
    """Whom this was tried with in vain, and when it may be tried again."""

    def __init__(self) -> None:
        self._not_before: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()
        """And how often it has failed."""

    def may_begin(self, whom: Hashable, now: float) -> bool:
        """``whom``: a device, or an address."""
        return now >= self._not_before.get(whom, (-math.inf, 0))[0]

    def met(self, whom: Hashable) -> None:
        """It was not in vain."""
        self._not_before.pop(whom, None)

    def in_vain(self, whom: Hashable, now: float, *, complete: bool) -> None:
        """``complete``: all that may be sent was sent. It is tried a second time soon: one side may
        have had fewer sockets or tries to spare than it takes, or no luck."""
        _, failures = self._not_before.pop(whom, (now, 0))
        is_final = complete and failures > 0
        pause_s = FAILED_PAUSE_S if is_final else SHORT_PAUSE_S
        self._not_before[whom] = now + pause_s, failures + complete
        if len(self._not_before) > BIRTHDAY_REMEMBERED:
            self._not_before.popitem(last=False)

    def forget(self) -> None:
        """Our network changed: what was in vain may not be now."""
        self._not_before.clear()
