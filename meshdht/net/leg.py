"""Legs: other UDP sockets of ours, each with an endpoint on loopback that stands for it.

    our port ◄──► 127.0.0.1:q ◄──► another socket ◄──► one far endpoint

Who sends to 127.0.0.1:q sends to the far endpoint by that socket; what comes from there comes from
127.0.0.1:q. So the engine and the control channel use another socket as they use any endpoint.
Trains are passed on whole (UDP GSO and GRO), with their field of ECN: a leg costs Python a call for
each, not for each packet. Nobody else on this machine is listened to, nor anybody on the network
but the far endpoint: what others send to the socket is no part of the leg, and given to
``on_foreign``.

A *spare* is a socket that has no far end yet, and may get several: a leg for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections import Counter
from collections.abc import Callable

from meshdht.datagrams import DatagramSocket
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.limits import LEGS_MAX
from meshdht.net.udp import DATAGRAM_SIZE, Receiver, allow_fragments
from meshdht.wire.classify import Traffic, classify

# Trains taken from one socket before the loop may turn to something else.
_BATCH = 32
# A service is often given 1024 files, and an attempt to meet peers takes some hundred.
_FILES_WANTED = 4096
# Room for what arrives while Python is busy: a few trains.
_BUFFER_SIZE = 1024 * 1024


class LegSockets:
    """All legs of one port. ``on_foreign(datagram, source)`` is given control packets that
    anybody but the far endpoint sent to a leg's socket."""

    def __init__(self, own_port: int, on_foreign: Receiver) -> None:
        self._own = Endpoint(LOOPBACK, own_port)
        self._on_foreign = on_foreign
        self._legs: dict[Endpoint, _Near] = {}
        self._outers: set[_Outer] = set()
        # What is read is passed on before anything else is read: one buffer serves all.
        self._buffer = memoryview(bytearray(DATAGRAM_SIZE))
        self.counters: Counter[str] = Counter()
        """What went nowhere, by reason."""
        _allow_files()

    def open(self, far: Endpoint) -> Endpoint | None:
        """Another socket, whose far end this is: the leg's endpoint on loopback; None if this
        machine has no socket to spare."""
        outer = self._open_outer(far.is_ipv6, lambda far: False, lambda leg, far: None)
        if outer is None:
            return None
        near = self._join(outer, far)
        outer.let_go()
        return near.endpoint if near is not None else None

    def open_spare(
        self, welcome: Callable[[Endpoint], bool], opened: Callable[[Endpoint, Endpoint], None]
    ) -> _Outer | None:
        """Another socket for IPv4, without a far end; None if there is none to spare. What comes
        to it from one that is ``welcome(far)`` makes a leg; ``opened(leg, far)`` hears of it
        first."""
        return self._open_outer(False, welcome, opened)

    def _open_outer(
        self,
        is_ipv6: bool,
        welcome: Callable[[Endpoint], bool],
        opened: Callable[[Endpoint, Endpoint], None],
    ) -> _Outer | None:
        if len(self) >= LEGS_MAX:
            self.counters["too_many"] += 1
            return None
        try:
            outer = _Outer(self, is_ipv6, welcome, opened)
        except OSError:
            self.counters["no_socket"] += 1
            return None
        self._outers.add(outer)
        return outer

    def _join(self, outer: _Outer, far: Endpoint) -> _Near | None:
        """A leg to ``far`` by a socket that is open."""
        try:
            near = _Near(self, outer, far)
        except OSError:
            self.counters["no_socket"] += 1
            return None
        self._legs[near.endpoint] = outer.nears[far] = near
        return near

    def port(self, leg: Endpoint) -> int:
        """The port of the leg's socket, as this machine knows it."""
        return self._legs[leg].outer.port

    def close(self, leg: Endpoint) -> None:
        """Closing again is harmless."""
        if leg in self._legs:
            near = self._legs.pop(leg)
            near.close()
            del near.outer.nears[near.far]
            near.outer.close_if_unused()

    def closed(self, outer: _Outer) -> None:
        """A socket that nothing goes by any more."""
        self._outers.discard(outer)

    def close_all(self) -> None:
        for leg in list(self._legs):
            self.close(leg)
        for outer in list(self._outers):
            outer.close()

    def __len__(self) -> int:
        """Sockets that are open, and whose ports our NAT may know."""
        return len(self._outers)

    # --- for its legs ------------------------------------------------------------------------

    def pass_outward(self, near: _Near) -> None:
        """Pass on what our port has sent to a leg."""

        def way(source: Endpoint, train: memoryview, each: int) -> _Way | None:
            if source != self._own:
                self.counters["not_ours"] += 1
                return None
            return near.outer.sock, near.far

        self._pass(near.sock, way)

    def pass_inward(self, outer: _Outer) -> None:
        """Pass on what came in by another socket."""

        def way(source: Endpoint, train: memoryview, each: int) -> _Way | None:
            near = outer.nears.get(source)
            if near is None and outer.welcome(source) and len(self._legs) < LEGS_MAX:
                near = self._join(outer, source)
                if near is not None:
                    outer.opened(near.endpoint, source)
            if near is None:
                self._foreign(train, each, source)
                return None
            return near.sock, self._own

        self._pass(outer.sock, way)

    def _pass(
        self,
        one: DatagramSocket,
        way: Callable[[Endpoint, memoryview, int], _Way | None],
    ) -> None:
        for _ in range(_BATCH):
            try:
                received = one.receive_into(self._buffer)
                if received is None:
                    return
                size, each, source, ecn = received
                train = self._buffer[:size]
                onward = way(source, train, each) if size else None
                if onward is not None:
                    other, to = onward
                    other.send([train], each, to, ecn)
            except OSError:
                # An ICMP message about an earlier datagram, or no route just now.
                self.counters["failed"] += 1

    def _foreign(self, train: memoryview, each: int, source: Endpoint) -> None:
        for start in range(0, len(train), each):
            datagram = bytes(train[start : start + each])
            if classify(datagram) is Traffic.CONTROL:
                self._on_foreign(datagram, source)
            else:
                self.counters["foreign"] += 1


# By which socket something goes on, and to where.
_Way = tuple[DatagramSocket, Endpoint]


class _Outer:
    """A socket that faces the network: of one leg, or a spare. Raises OSError."""

    def __init__(
        self,
        legs: LegSockets,
        is_ipv6: bool,
        welcome: Callable[[Endpoint], bool],
        opened: Callable[[Endpoint, Endpoint], None],
    ) -> None:
        self._legs = legs
        self.welcome = welcome
        self.opened = opened
        self.nears: dict[Endpoint, _Near] = {}
        """Its legs, by their far ends."""
        self._is_held, self._is_closed = True, False
        bound = _bind(
            socket.AF_INET6 if is_ipv6 else socket.AF_INET, "::" if is_ipv6 else "0.0.0.0"
        )
        if not is_ipv6:
            allow_fragments(bound)
        self.port: int = bound.getsockname()[1]
        self.sock = DatagramSocket(bound)
        self.sock.heed_marks()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(bound, legs.pass_inward, self)

    def send(self, datagram: bytes, far: Endpoint) -> None:
        """Send one datagram from here."""
        try:
            self.sock.send([memoryview(datagram)], len(datagram), far)
        except OSError:
            self._legs.counters["failed"] += 1

    def let_go(self) -> None:
        """Nobody but its legs has it from now on."""
        self._is_held = False
        self.close_if_unused()

    def close(self) -> None:
        """Make no more legs; those that there are go on."""
        self.welcome = lambda far: False
        self.let_go()

    def close_if_unused(self) -> None:
        if not self._is_held and not self.nears and not self._is_closed:
            self._is_closed = True
            self._legs.closed(self)
            self._loop.remove_reader(self.sock.fileno())
            self.sock.close()


class _Near:
    """The end on loopback of one leg. Raises OSError."""

    def __init__(self, legs: LegSockets, outer: _Outer, far: Endpoint) -> None:
        self.outer, self.far = outer, far
        bound = _bind(socket.AF_INET, LOOPBACK)
        self.endpoint = Endpoint(LOOPBACK, bound.getsockname()[1])
        self.sock = DatagramSocket(bound)
        self.sock.heed_marks()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(bound, legs.pass_outward, self)

    def close(self) -> None:
        self._loop.remove_reader(self.sock.fileno())
        self.sock.close()


def _allow_files() -> None:
    """Raise this process's own limit on open files, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _bind(family: socket.AddressFamily, host: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_SIZE)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, 0))
    except OSError:
        sock.close()
        raise
    return sock
