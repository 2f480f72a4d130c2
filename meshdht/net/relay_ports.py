"""The ports that a relay lends, and what it does with what comes to them.

Each is a pair of sockets, IPv4 and IPv6. What comes to it from one of the two that are joined goes
to the other, from the same port, in whole trains; or it never comes up here at all, because the
kernel passes it on by itself (relay_kernel.py). What comes from anybody else is handed to the
relay, which says whether it is let in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from meshdht.datagrams import DatagramSocket
from meshdht.endpoint import Endpoint
from meshdht.errors import PlatformError
from meshdht.net.relay_rate import Policer, RelayRate
from meshdht.net.udp import DATAGRAM_SIZE, bind_port

# Trains taken from one socket before the loop may turn to something else.
_BATCH = 16
# Tries at a free port: whoever else has ports in the range has few.
_TRIES = 32


class Forwarder(Protocol):
    """Who passes datagrams on without us."""

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None: ...

    def part(self, port: int) -> None: ...


class Nobody:
    """All is passed on here."""

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None: ...

    def part(self, port: int) -> None: ...


@dataclass(slots=True)
class RelayCounters:
    """What was passed on here, and what was not. (The kernel counts what it passes on.)"""

    datagrams: int = 0
    bytes: int = 0
    send_failed: int = 0
    over_rate: int = 0
    """Bytes beyond what a pair may send."""


@dataclass(frozen=True, slots=True)
class _Way:
    """What comes from one of two."""

    to: Endpoint
    policer: Policer


class _Port:
    """The sockets of one port, and who is joined there."""

    def __init__(self, number: int) -> None:
        self.sockets = [DatagramSocket(each) for each in bind_port(number) if each is not None]
        for sock in self.sockets:
            sock.heed_marks()
        self.ways: dict[Endpoint, _Way] = {}
        """By where from."""

    def socket_for(self, to: Endpoint) -> DatagramSocket | None:
        return next((each for each in self.sockets if each.is_ipv6 == to.is_ipv6), None)


class RelayPorts:
    """Lends the ports from ``first`` to ``last``. ``received(port, datagram, source)`` gets what
    comes from nobody that is joined; ``may_lend(port)``: whether others reach it."""

    def __init__(
        self,
        first: int,
        last: int,
        received: Callable[[int, bytes, Endpoint], None],
        forwarder: Forwarder | None = None,
        may_lend: Callable[[int], bool] = lambda number: True,
        rate: RelayRate | None = None,
    ) -> None:
        self._numbers = range(first, last + 1)
        self._next = first
        self._received = received
        self._forwarder = forwarder or Nobody()
        self._may_lend = may_lend
        self._rate = rate or RelayRate()
        self._ports: dict[int, _Port] = {}
        self._buffer = memoryview(bytearray(DATAGRAM_SIZE))
        self.counters = RelayCounters()

    def is_lent(self, port: int) -> bool:
        """Whether it belongs to somebody now."""
        return port in self._ports

    def open(self) -> int | None:
        """A free port; each in its turn, so that what is late for the last borrower of one meets
        nobody."""
        turn = self._next - self._numbers[0]
        numbers: list[int] = [*self._numbers[turn:], *self._numbers[:turn]]
        free = (each for each in numbers if each not in self._ports and self._may_lend(each))
        for number in islice(free, _TRIES):
            self._next = numbers[(numbers.index(number) + 1) % len(numbers)]
            try:
                port = self._ports[number] = _Port(number)
            except (PlatformError, OSError):
                continue
            loop = asyncio.get_running_loop()
            for sock in port.sockets:
                loop.add_reader(sock.fileno(), self._read, number, port, sock)
            return number
        return None

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None:
        now = asyncio.get_running_loop().time()
        self._ports[port].ways = {
            source: _Way(to, Policer(self._rate, now))
            for source, to in ((one, other), (other, one))
        }
        self._forwarder.join(port, one, other)

    def part(self, port: int) -> None:
        self._ports[port].ways = {}
        self._forwarder.part(port)

    def close(self, port: int) -> None:
        self._forwarder.part(port)
        loop = asyncio.get_running_loop()
        for sock in self._ports.pop(port).sockets:
            loop.remove_reader(sock.fileno())
            sock.close()

    def close_all(self) -> None:
        for port in list(self._ports):
            self.close(port)

    def send(self, port: int, datagram: bytes, to: Endpoint) -> None:
        """Say something from a port ourselves."""
        self._pass_on(self._ports[port], memoryview(datagram), len(datagram), to)

    def _read(self, number: int, port: _Port, sock: DatagramSocket) -> None:
        for _ in range(_BATCH):
            try:
                came = sock.receive_into(self._buffer)
            except OSError:  # what the kernel reports instead of a datagram
                return
            if came is None:
                return
            size, each, source, ecn = came
            way = port.ways.get(source)
            if way is not None:
                self._relay(port, size, max(each, 1), way, ecn)
                continue
            for start in range(0, size, max(each, 1)):
                datagram = bytes(self._buffer[start : min(start + each, size)])
                self._received(number, datagram, source)
                if self._ports.get(number) is not port:
                    return

    def _relay(self, port: _Port, size: int, each: int, way: _Way, ecn: int) -> None:
        """A train came from one that is joined."""
        passed = way.policer.take(size, each, asyncio.get_running_loop().time())
        self.counters.over_rate += size - passed
        if passed:
            self.counters.datagrams += -(-passed // each)
            self.counters.bytes += passed
            self._pass_on(port, self._buffer[:passed], each, way.to, ecn)

    def _pass_on(
        self, port: _Port, train: memoryview, each: int, to: Endpoint, ecn: int = 0
    ) -> None:
        sock = port.socket_for(to)
        try:
            if sock is None:
                raise OSError
            sock.send([train], max(each, 1), to, ecn)
        except OSError:
            self.counters.send_failed += 1
