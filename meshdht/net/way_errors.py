"""Why datagrams did not get where they were sent to, for whoever asks: what the kernel said at
once, and what machines on the way said by ICMP.

ICMP is heard by raw sockets of its own, where there is the right to that. Asking for it at the port
itself (IP_RECVERR) would have what is wrong with one peer fail what is sent to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections import OrderedDict
from dataclasses import dataclass

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import WAY_ERRORS_MAX
from meshdht.wire.icmp import UNREACHABLE, UNREACHABLE_IPV6, parse_unreachable

_BATCH = 16
_MESSAGE_SIZE = 2048
# <linux/icmp.h>, <linux/icmpv6.h>: which types are not passed up.
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
_WORDS = {
    errno.EPERM: "forbidden by a firewall of this machine",
    errno.EACCES: "forbidden by a route of this machine",
    errno.ENETUNREACH: "this machine has no route there",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETDOWN: "the interface is down",
}


@dataclass(frozen=True, slots=True)
class WayError:
    """Why something did not get there, in words, and when, by the loop's clock. ``by``: the machine
    that says so; empty: the kernel of this one."""

    why: str
    at: float
    by: str = ""

    def __str__(self) -> str:
        return f"{self.why}, says {self.by}" if self.by else self.why


class WayErrors:
    """Of one UDP port; the last of each endpoint, of those that were heard of lately."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._last: OrderedDict[Endpoint, WayError] = OrderedDict()
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def of(self, endpoint: Endpoint) -> tuple[str, float] | None:
        """The last, in words, and how many seconds ago it was."""
        last = self._last.get(endpoint)
        return (str(last), self._now() - last.at) if last is not None else None

    def failed(self, to: Endpoint, error: OSError | OverflowError | None) -> None:
        """The kernel did not take a datagram; None: there is no socket of that family."""
        number = errno.EAFNOSUPPORT if error is None else getattr(error, "errno", None)
        known = number or errno.EINVAL
        self._note(to, WayError(_WORDS.get(known, os.strerror(known).lower()), self._now()))

    def sent(self, to: Endpoint) -> None:
        """The kernel took one."""
        if self._last:
            last = self._last.get(to)
            if last is not None and not last.by:
                del self._last[to]

    def _note(self, to: Endpoint, error: WayError) -> None:
        self._last[Endpoint(*to)] = error
        self._last.move_to_end(to)
        if len(self._last) > WAY_ERRORS_MAX:
            self._last.popitem(last=False)

    def _now(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0

    def start(self) -> None:
        """Hear ICMP from now on, on the running loop, if that may be. Twice is harmless: whoever
        read the port meanwhile left this to us."""
        if self._sockets:
            return
        self._loop = asyncio.get_running_loop()
        for family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError):
                sock = _open(family)
                self._sockets.append(sock)
                self._loop.add_reader(sock.fileno(), self._read, sock)

    def close(self) -> None:
        """Twice is harmless."""
        for sock in self._sockets:
            if self._loop is not None:
                self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()

    def _read(self, sock: socket.socket) -> None:
        is_ipv6 = sock.family == socket.AF_INET6
        for _ in range(_BATCH):
            try:
                packet, source = sock.recvfrom(_MESSAGE_SIZE)
            except OSError:
                return
            begin = 0 if is_ipv6 or not packet else 4 * (packet[0] & 15)
            with contextlib.suppress(Malformed):
                told = parse_unreachable(packet[begin:], is_ipv6=is_ipv6)
                if told.port == self._port:
                    self._note(told.to, WayError(told.why, self._now(), source[0]))


def _open(family: socket.AddressFamily) -> socket.socket:
    """A raw socket that gets nothing but what could not be delivered; raises OSError."""
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    sock = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
    try:
        if family == socket.AF_INET:
            sock.setsockopt(
                _SOL_RAW, _ICMP_FILTER, struct.pack("=I", ~(1 << UNREACHABLE) & (2**32 - 1))
            )
        else:
            words = [2**32 - 1] * 8
            words[UNREACHABLE_IPV6 >> 5] &= ~(1 << (UNREACHABLE_IPV6 & 31))
            sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))
    except OSError:
        sock.close()
        raise
    return sock
