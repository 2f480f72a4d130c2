"""The internet of whole nodes on the virtual clock: partitions, filters, and what was sent."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from meshdht.endpoint import Endpoint
from simulations.latency import uniform
from simulations.network import DatagramNetwork

Blocked = Callable[[Endpoint, Endpoint], bool]
"""blocked(source, to)"""


class Internet(DatagramNetwork):
    """Hashes all that is sent; ``blocked`` is a partition, ``filtered`` hosts hear only those that
    they have sent to (RFC 4787's address and port-dependent filtering)."""

    def __init__(
        self, seed: int, *, latency: tuple[float, float] = (0.01, 0.05), loss: float = 0.0
    ) -> None:
        super().__init__(seed, latency=uniform(*latency), loss=loss)
        self.blocked: Blocked = lambda source, to: False
        self.filtered: set[Endpoint] = set()
        self.tap: Callable[[bytes, Endpoint, Endpoint], None] = lambda datagram, source, to: None
        """tap(datagram, source, to) sees all that is sent."""
        self.history = hashlib.sha256()
        self._permitted: set[tuple[Endpoint, Endpoint]] = set()

    def send(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        now = asyncio.get_running_loop().time()
        self.history.update(f"{now!r} {source} {to} ".encode() + datagram)
        self.tap(datagram, source, to)
        self._permitted.add((source, to))
        if not self.blocked(source, to):
            super().send(datagram, source, to)

    def deliver(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        if to not in self.filtered or (to, source) in self._permitted:
            super().deliver(datagram, source, to)
