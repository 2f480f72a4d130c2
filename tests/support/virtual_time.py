"""An event loop whose clock jumps, and a network of datagrams in memory: no test waits.

``run`` executes a coroutine on a VirtualTimeLoop; a minute of sleep takes no time, and the same
seed gives the same run. Only what the loop itself schedules counts: threads and real sockets do
not fit in here.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from meshdht.endpoint import Endpoint

T = TypeVar("T")
# 2026-01-01, where the wall clock of every virtual run starts.
UNIX_START = 1_767_225_600.0


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for the time to pass, lets it pass."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is scheduled: the run would wait for ever")
        self.elapsed += max(timeout, 0.0)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's loop on a virtual clock that starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumping.elapsed


class VirtualClock:
    """meshdht.clock.Clock on the running virtual loop; ``skew`` sets its wall clock wrong."""

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = skew

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def unix(self) -> float:
        return UNIX_START + self.monotonic() + self.skew


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a fresh virtual loop."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


Receive = Callable[[bytes, Endpoint], None]
"""receive(datagram, source)"""


class DatagramNetwork:
    """Delivers datagrams between endpoints: late, twice or not at all, as its seed decides."""

    def __init__(
        self,
        seed: int,
        *,
        latency: tuple[float, float] = (0.01, 0.05),
        loss: float = 0.0,
        duplication: float = 0.0,
    ) -> None:
        """``latency``: one way, seconds, uniform; ``loss``, ``duplication``: shares of 1."""
        self._random = random.Random(seed)
        self.latency = latency
        self.loss = loss
        self.duplication = duplication
        self._receivers: dict[Endpoint, Receive] = {}
        self.sent: Counter[Endpoint] = Counter()
        self.sent_bytes: Counter[Endpoint] = Counter()
        """By source endpoint."""

    def attach(self, endpoint: Endpoint, receive: Receive) -> None:
        self._receivers[endpoint] = receive

    def detach(self, endpoint: Endpoint) -> None:
        """Whoever sends there is not told."""
        self._receivers.pop(endpoint, None)

    def send(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        self.sent[source] += 1
        self.sent_bytes[source] += len(datagram)
        if self._random.random() < self.loss:
            return
        copies = 2 if self._random.random() < self.duplication else 1
        loop = asyncio.get_running_loop()
        for _ in range(copies):
            delay = self._random.uniform(*self.latency)
            loop.call_later(delay, self._deliver, datagram, source, to)

    def _deliver(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        receive = self._receivers.get(to)
        if receive is not None:
            receive(datagram, source)
