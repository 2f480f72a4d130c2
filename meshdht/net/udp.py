"""The one UDP port of a network: an IPv4 and an IPv6 socket with the same number.

One port means one NAT mapping for WireGuard and for the control channel. The first bytes of a
datagram say whose it is (``wire.classify``).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass

from meshdht.endpoint import Endpoint
from meshdht.errors import PlatformError
from meshdht.net.way_errors import WayErrors
from meshdht.wire.classify import Traffic, classify

Receiver = Callable[[bytes, Endpoint], None]

# Datagrams taken from one socket before the loop may turn to something else.
_BATCH = 64
DATAGRAM_SIZE = 65535

# Room for what arrives while Python is busy: 4 MiB is 30 ms at 1 Gbit/s.
_BUFFER_SIZE = 4 * 1024 * 1024

# Linux's <linux/in.h>, which the socket module does not name: let routers fragment our packets,
# as WireGuard in the kernel does. With "don't fragment", a path of a smaller MTU would swallow
# every full packet of the tunnel.
_IP_MTU_DISCOVER = 10
_IP_PMTUDISC_DONT = 0
# <linux/udp.h>
_UDP_GRO = 104

# A free port must be free for both families; this many tries make a failure implausible.
_TRIES = 16


@dataclass(slots=True)
class PortCounters:
    """Datagrams that went nowhere."""

    send_failed: int = 0
    """Not sent: no route, no memory, a firewall, no socket of that family."""
    receive_failed: int = 0
    """Errors that the kernel reported instead of a datagram."""
    unwanted: int = 0
    """Datagrams that are not the control channel's: STUN that nobody asked for, and WireGuard's
    while no engine reads them."""


class UdpPort:
    """``port`` is the number in use. Closing it twice is harmless."""

    def __init__(self, port: int, on_control: Receiver) -> None:
        """Bind the port, or with 0 a free one. Raises PlatformError. ``start`` begins to read."""
        self.counters = PortCounters()
        self._on_control = on_control
        self.on_stun: Receiver | None = None
        """Who asks a STUN server, if anybody."""
        self._v4, self._v6 = bind_port(port)
        self.port: int = self._v4.getsockname()[1]
        self.errors = WayErrors(self.port)
        """Why what was sent did not arrive."""
        self._loop: asyncio.AbstractEventLoop | None = None
        # The Endpoint of the last datagram: most come in trains from one source.
        self._last_address: tuple[object, ...] = ()
        self._last_source = Endpoint("", 0)

    def start(self) -> None:
        """Read from now on, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self.errors.start()
        for sock in self.sockets():
            with contextlib.suppress(OSError):  # another reader may have left it on
                sock.setsockopt(socket.IPPROTO_UDP, _UDP_GRO, 0)
            self._loop.add_reader(sock.fileno(), self._read, sock)

    def pause(self) -> None:
        """Leave reading to somebody who has the sockets too, and calls ``deliver``."""
        for sock in self.sockets():
            if self._loop is not None and sock.fileno() >= 0:
                self._loop.remove_reader(sock.fileno())

    def deliver(self, data: bytes, source: Endpoint) -> None:
        """Take a datagram that was read elsewhere."""
        traffic = classify(data)
        if traffic is Traffic.CONTROL:
            self._on_control(data, source)
        elif traffic is Traffic.STUN and self.on_stun is not None:
            self.on_stun(data, source)
        elif traffic is not Traffic.KEEPALIVE:
            self.counters.unwanted += 1

    def send(self, data: bytes, destination: Endpoint) -> None:
        """Send a datagram, if the machine can; what it cannot send is counted. Never raises."""
        host = destination[0]
        sock = self._v6 if ":" in host else self._v4
        if sock is None:
            self.counters.send_failed += 1
            self.errors.failed(destination, None)
            return
        try:
            sock.sendto(data, destination)
            self.errors.sent(destination)
        except (OSError, OverflowError) as error:
            self.counters.send_failed += 1
            self.errors.failed(destination, error)

    def close(self) -> None:
        self.pause()
        self.errors.close()
        for sock in self.sockets():
            sock.close()

    def sockets(self) -> list[socket.socket]:
        return [self._v4] if self._v6 is None else [self._v4, self._v6]

    def _read(self, sock: socket.socket) -> None:
        receive = sock.recvfrom
        for _ in range(_BATCH):
            try:
                data, address = receive(DATAGRAM_SIZE)
            except BlockingIOError:
                return
            except OSError:
                self.counters.receive_failed += 1
                return
            if address != self._last_address:
                self._last_address = address
                self._last_source = Endpoint(address[0], address[1])
            self.deliver(data, self._last_source)


def bind_port(port: int) -> tuple[socket.socket, socket.socket | None]:
    """An IPv4 and an IPv6 socket of one number, 0: any free one; raises PlatformError. The latter
    is None on a machine without IPv6."""
    for _ in range(_TRIES):
        v4 = _bind_family(socket.AF_INET, "0.0.0.0", port)
        chosen = v4.getsockname()[1]
        try:
            return v4, _bind_v6(chosen)
        except PlatformError:
            v4.close()
            if port:
                raise
    raise PlatformError("found no UDP port that is free for IPv4 and IPv6", "name one")


def _bind_v6(port: int) -> socket.socket | None:
    """None on a machine without IPv6."""
    try:
        return _bind_family(socket.AF_INET6, "::", port)
    except OSError as error:
        if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return None
        raise


def _bind_family(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        else:
            allow_fragments(sock)
        _enlarge_buffers(sock)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise port_is_taken(port) from None
        if error.errno == errno.EACCES:
            raise PlatformError(
                f"no permission to use UDP port {port}", "run with sudo, or a port above 1023"
            ) from None
        raise
    return sock


def port_is_taken(port: int) -> PlatformError:
    """What to tell the user then."""
    return PlatformError(
        f"UDP port {port} is taken by another program",
        "choose another with --listen-port, or stop that program (ss -ulpn shows it)",
    )


def allow_fragments(sock: socket.socket) -> None:
    """Send without IPv4's "don't fragment" from now on."""
    sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DONT)


def _enlarge_buffers(sock: socket.socket) -> None:
    """As root beyond the system's limit, else up to it."""
    for forced, plain in (
        (_SO_RCVBUFFORCE, socket.SO_RCVBUF),
        (_SO_SNDBUFFORCE, socket.SO_SNDBUF),
    ):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, _BUFFER_SIZE)
        except PermissionError:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, plain, _BUFFER_SIZE)


# <asm-generic/socket.h>
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
