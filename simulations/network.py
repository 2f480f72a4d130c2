"""The simulated internet: delivers datagrams late, twice, out of order, or not at all.

Everything is drawn from one seed. ``digest`` covers every datagram with its fate, so that two
runs are the same if and only if their digests are.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from struct import pack
from typing import Protocol

from meshdht.endpoint import Endpoint
from simulations.latency import Latency, uniform

Receive = Callable[[bytes, Endpoint], None]
"""receive(datagram, source)"""
Tap = Callable[[bytes, Endpoint, Endpoint], None]
"""tap(datagram, source, to) sees all that is sent."""

Parcel = tuple[float, bytes, Endpoint, Endpoint]
"""(loop time at which it arrives, datagram, source, to)"""

# What IPv4 and UDP add to each datagram.
HEADERS_BYTES = 28
# How much later than others a datagram comes that is held back.
HELD_BACK_S = 0.25


class Side(Protocol):
    """A place to be attached to: the internet, or the inside of a NAT."""

    def attach(self, endpoint: Endpoint, receive: Receive) -> None: ...

    def detach(self, endpoint: Endpoint) -> None: ...

    def send(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None: ...

    def route(self, host: str, forward: Forward) -> None:
        """Have all that goes to an address forwarded: a NAT's outside."""
        ...


Forward = Callable[[bytes, Endpoint, Endpoint], None]
"""forward(datagram, source, to)"""


class DatagramNetwork:
    """The internet: public addresses, and whatever lies between them."""

    def __init__(
        self,
        seed: int,
        *,
        latency: Latency | None = None,
        loss: float = 0.0,
        duplication: float = 0.0,
        reordering: float = 0.0,
    ) -> None:
        """``latency`` is 10 to 50 ms by default; the others are shares of 1."""
        self._seed = seed
        self._random = random.Random(seed)
        self.latency = latency or uniform(0.01, 0.05)
        self.loss = loss
        self.duplication = duplication
        self.reordering = reordering
        self._receivers: dict[Endpoint, Receive] = {}
        self._routes: dict[str, Forward] = {}
        self._cuts: set[tuple[str, str]] = set()
        self._parts: dict[str, int] = {}
        self._elsewhere: Mapping[Endpoint, list[Parcel]] = {}
        self._history = hashlib.blake2b(digest_size=16)
        self.taps: list[Tap] = []
        self.datagrams = 0
        """All that were sent."""
        self.sent: Counter[Endpoint] = Counter()
        """Datagrams by source endpoint."""
        self.sent_bytes: Counter[Endpoint] = Counter()
        """Their payloads, by source endpoint."""
        self.received: Counter[Endpoint] = Counter()
        self.received_bytes: Counter[Endpoint] = Counter()
        """The same of what arrived, by the endpoint that it was sent to."""

    @property
    def digest(self) -> str:
        """Of all that was sent so far: when, from where, where to, what, and its fate."""
        return self._history.copy().hexdigest()

    # --- who is there ------------------------------------------------------------------------

    def attach(self, endpoint: Endpoint, receive: Receive) -> None:
        self._receivers[endpoint] = receive

    def detach(self, endpoint: Endpoint) -> None:
        """Whoever sends there is not told."""
        self._receivers.pop(endpoint, None)

    def route(self, host: str, forward: Forward) -> None:
        """Have all that goes to an address forwarded: a NAT's outside."""
        self._routes[host] = forward

    def divide(self, part: int, elsewhere: Mapping[Endpoint, list[Parcel]]) -> None:
        """Simulate one part of it, with fates of its own; what goes to an endpoint ``elsewhere``
        is put there, for ``deliver`` of that part."""
        self._random = random.Random(f"{self._seed} {part}")
        self._elsewhere = elsewhere

    # --- what fails --------------------------------------------------------------------------

    def cut(self, one: str, other: str) -> None:
        """The link between two addresses fails, both ways."""
        self._cuts |= {(one, other), (other, one)}

    def mend(self, one: str, other: str) -> None:
        self._cuts -= {(one, other), (other, one)}

    def partition(self, *parts: Iterable[str]) -> None:
        """Addresses of different parts hear nothing of each other; one in no part hears all."""
        self._parts = {host: number for number, part in enumerate(parts) for host in part}

    def heal(self) -> None:
        """End the partition."""
        self._parts = {}

    def _is_parted(self, source: Endpoint, to: Endpoint) -> bool:
        if (source.host, to.host) in self._cuts:
            return True
        here, there = self._parts.get(source.host), self._parts.get(to.host)
        return here is not None and there is not None and here != there

    # --- datagrams ---------------------------------------------------------------------------

    def send(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        """Take a datagram; the source is believed, as on the real internet."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.datagrams += 1
        self.sent[source] += 1
        self.sent_bytes[source] += len(datagram)
        for tap in self.taps:
            tap(datagram, source, to)
        chance = self._random
        lost = self.loss > 0 and chance.random() < self.loss
        if lost or ((self._cuts or self._parts) and self._is_parted(source, to)):
            self._note(now, datagram, source, to, -1.0)
            return
        copies = 2 if self.duplication and chance.random() < self.duplication else 1
        for _ in range(copies):
            delay = self.latency(chance, source, to)
            if self.reordering and chance.random() < self.reordering:
                delay += HELD_BACK_S * chance.random()
            self._note(now, datagram, source, to, delay)
            if (there := self._elsewhere.get(to)) is not None:
                there.append((now + delay, datagram, source, to))
            else:
                loop.call_at(now + delay, self.deliver, datagram, source, to)

    def _note(
        self, now: float, datagram: bytes, source: Endpoint, to: Endpoint, delay: float
    ) -> None:
        """Into the digest; a negative delay means that it never arrives."""
        head = pack("<ddHH", now, delay, source.port, to.port)
        self._history.update(head + f"{source.host}|{to.host}|".encode() + datagram)

    def deliver(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        """It has arrived."""
        self.received[to] += 1
        self.received_bytes[to] += len(datagram)
        receive = self._receivers.get(to)
        if receive is not None:
            receive(datagram, source)
        elif (forward := self._routes.get(to.host)) is not None:
            forward(datagram, source, to)
