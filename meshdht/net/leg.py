"""Legs: other UDP sockets of ours, each with an endpoint on loopback that stands for it.

    our port ◄──► 127.0.0.1:q ◄──► the leg's socket ◄──► one far endpoint

Who sends to 127.0.0.1:q sends to the far endpoint by that socket; what comes from there comes from
127.0.0.1:q. So the engine and the control channel use another socket as they use any endpoint.
Trains are passed on whole (UDP GSO and GRO): a leg costs Python a call for each, not for each
packet. Nobody else on this machine is listened to, nor anybody on the network but the far endpoint:
what others send to the socket is no part of the leg, and given to ``on_foreign``.
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
# A service is often given 1024 files, and one attempt to meet a peer takes two for each socket.
_FILES_WANTED = 4096
# Room for what arrives while Python is busy: a few trains.
_BUFFER_SIZE = 1024 * 1024


class LegSockets:
    """All legs of one port. ``on_foreign(datagram, source)`` is given control packets that
    anybody but the far endpoint sent to a leg's socket."""

    def __init__(self, own_port: int, on_foreign: Receiver) -> None:
        self._own = Endpoint(LOOPBACK, own_port)
        self._on_foreign = on_foreign
        self._legs: dict[Endpoint, _Leg] = {}
        # What is read is passed on before anything else is read: one buffer serves all.
        self._buffer = memoryview(bytearray(DATAGRAM_SIZE))
        self.counters: Counter[str] = Counter()
        """What went nowhere, by reason."""
        _allow_files()

    def open(self, far: Endpoint) -> Endpoint | None:
        """Another socket, whose far end this is: the leg's endpoint on loopback; None if this
        machine has no socket to spare."""
        if len(self._legs) >= LEGS_MAX:
            self.counters["too_many"] += 1
            return None
        try:
            leg = _Leg(self, far)
        except OSError:
            self.counters["no_socket"] += 1
            return None
        self._legs[leg.endpoint] = leg
        return leg.endpoint

    def port(self, leg: Endpoint) -> int:
        """The port of the leg's socket, as this machine knows it."""
        return self._legs[leg].port

    def close(self, leg: Endpoint) -> None:
        """Closing again is harmless."""
        if leg in self._legs:
            self._legs.pop(leg).close()

    def close_all(self) -> None:
        for leg in list(self._legs):
            self.close(leg)

    def __len__(self) -> int:
        return len(self._legs)

    # --- for its legs ------------------------------------------------------------------------

    def pass_outward(self, sock: DatagramSocket, outer: DatagramSocket, far: Endpoint) -> None:
        """Pass on what our port has sent to a leg."""

        def is_ours(source: Endpoint, train: memoryview, each: int) -> bool:
            if source != self._own:
                self.counters["not_ours"] += 1
            return source == self._own

        self._pass(sock, outer, far, is_ours)

    def pass_inward(self, outer: DatagramSocket, sock: DatagramSocket, far: Endpoint) -> None:
        """Pass on what came in by the leg's socket."""

        def is_far(source: Endpoint, train: memoryview, each: int) -> bool:
            if source != far:
                self._foreign(train, each, source)
            return source == far

        self._pass(outer, sock, self._own, is_far)

    def _pass(
        self,
        one: DatagramSocket,
        other: DatagramSocket,
        to: Endpoint,
        belongs: Callable[[Endpoint, memoryview, int], bool],
    ) -> None:
        for _ in range(_BATCH):
            try:
                received = one.receive_into(self._buffer)
                if received is None:
                    return
                size, each, source, _ = received
                train = self._buffer[:size]
                if size and belongs(source, train, each):
                    other.send([train], each, to)
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


class _Leg:
    """One of them. Raises OSError."""

    def __init__(self, legs: LegSockets, far: Endpoint) -> None:
        self._loop = asyncio.get_running_loop()
        near = _bind(socket.AF_INET, LOOPBACK)
        try:
            family = socket.AF_INET6 if far.is_ipv6 else socket.AF_INET
            outer = _bind(family, "::" if far.is_ipv6 else "0.0.0.0")
        except OSError:
            near.close()
            raise
        if not far.is_ipv6:
            allow_fragments(outer)
        self.endpoint = Endpoint(LOOPBACK, near.getsockname()[1])
        self.port: int = outer.getsockname()[1]
        self._near, self._outer = DatagramSocket(near), DatagramSocket(outer)
        self._loop.add_reader(near, legs.pass_outward, self._near, self._outer, far)
        self._loop.add_reader(outer, legs.pass_inward, self._outer, self._near, far)

    def close(self) -> None:
        for sock in (self._near, self._outer):
            self._loop.remove_reader(sock.fileno())
            sock.close()


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
