"""Datagrams to and from the default gateway: port control, its announcements, SSDP's search.

What does not come from the gateway's own address is not even read. What cannot be sent or bound
is counted, never raised: then there is no mapping, and the mesh has other ways.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address

from meshdht.errors import Malformed
from meshdht.limits import SSDP_ANSWERS_MAX
from meshdht.wire import ssdp
from meshdht.wire.port_mapping import (
    ANSWER_SIZE_MAX,
    CONTROL_PORT,
)

OnDatagram = Callable[[bytes], None]

# Datagrams taken at once before the loop may turn to something else.
_BATCH = 16
# A search that gets lost is made up for by the second; who answers does so within a second (MX).
SEARCH_REPEAT_S = 0.7
SEARCH_S = 2.5
# linux/in.h, linux/in6.h
_IP_MULTICAST_ALL, _IPV6_MULTICAST_ALL, _MCAST_JOIN_SOURCE_GROUP = 49, 29, 46
# struct group_source_req (RFC 3678): the interface, the group, the source; the latter two are
# struct sockaddr_storage, aligned as pointers are.
_GROUP_SOURCE = struct.Struct("@I0P128s128s")
_ANNOUNCEMENT_SIZE = 1 + max(ANSWER_SIZE_MAX, ssdp.DATAGRAM_SIZE_MAX)
_ANYWHERE_IPV6 = ("2000::", 9)
# UPnP Device Architecture 2.0, 1.3.2: no further than the next router.
_SEARCH_TTL = 2


@dataclass(frozen=True, slots=True)
class Gateway:
    """A router by which the default route leads. ``scope`` is the index of the interface, which a
    link-local address needs; ``inner`` is what the router sees us at."""

    address: str
    scope: int
    inner: str

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    @property
    def is_ipv6(self) -> bool:
        return self.family == socket.AF_INET6

    def place(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        """Its socket address."""
        if self.family == socket.AF_INET:
            return (self.address, port)
        return (self.address, port, 0, self.scope)


def gateway_at(address: str, interface: str) -> Gateway | None:
    """The gateway, seen from here; None while nothing can be sent there."""
    with contextlib.suppress(OSError):
        draft = Gateway(address, socket.if_nametoindex(interface), "")
        with socket.socket(draft.family, socket.SOCK_DGRAM) as sock:
            # Sends nothing: the kernel chooses the address that we would send from. To an IPv6
            # router itself that would be a link-local one.
            beyond = draft.place(CONTROL_PORT) if ":" not in address else _ANYWHERE_IPV6
            sock.connect(beyond)
            return Gateway(address, draft.scope, sock.getsockname()[0])
    return None


class GatewayPort:
    """Port control: a socket that hears the gateway's port 5351 and nobody else. Raises OSError if
    there cannot be one."""

    def __init__(self, gateway: Gateway, on_answer: OnDatagram) -> None:
        self.counters: Counter[str] = Counter()
        self._on_answer = on_answer
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(gateway.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind((gateway.inner, 0))
            self._socket.connect(gateway.place(CONTROL_PORT))
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket.fileno(), self._read)

    def send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except OSError:
            self.counters["not sent"] += 1

    def _read(self) -> None:
        for _ in range(_BATCH):
            try:
                data = self._socket.recv(ANSWER_SIZE_MAX + 1)
            except BlockingIOError:
                return
            except OSError:  # nobody listens there
                self.counters["not delivered"] += 1
                return
            self._on_answer(data)

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()


class Announcements:
    """What the gateway tells everybody, at a multicast group and a port. Closing it twice is
    harmless."""

    def __init__(
        self, gateway: Gateway, group: str, port: int, on_announcement: OnDatagram
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._gateway = gateway
        self._group = replace(gateway, address=group)
        self._port = port
        self._on_announcement = on_announcement
        self._loop = asyncio.get_running_loop()
        self._socket = self._open()

    def _open(self) -> socket.socket | None:
        """None where another program has the port for itself: then renewals must do."""
        gateway = self._gateway
        sock = socket.socket(gateway.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        level, everything = socket.IPPROTO_IP, _IP_MULTICAST_ALL
        if gateway.is_ipv6:
            level, everything = socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(self._group.place(self._port))
            # What others tell, or other programs have joined, does not wake us.
            sock.setsockopt(level, everything, 0)
            places = _sockaddr(self._group), _sockaddr(gateway)
            joined = _GROUP_SOURCE.pack(gateway.scope, *places)
            sock.setsockopt(level, _MCAST_JOIN_SOURCE_GROUP, joined)
        except OSError:
            sock.close()
            self.counters["no socket"] += 1
            return None
        self._loop.add_reader(sock.fileno(), self._read, sock)
        return sock

    def _read(self, sock: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                data, source = sock.recvfrom(_ANNOUNCEMENT_SIZE)
            except OSError:
                return
            if source[0].partition("%")[0] == self._gateway.address:
                self._on_announcement(data)

    def close(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None


def _sockaddr(gateway: Gateway) -> bytes:
    """struct sockaddr_in or sockaddr_in6, without a port."""
    if not gateway.is_ipv6:
        return struct.pack("=H2x4s", gateway.family, socket.inet_aton(gateway.address))
    raw = socket.inet_pton(socket.AF_INET6, gateway.address)
    return struct.pack("=H2x4x16sI", gateway.family, raw, gateway.scope)


async def find_upnp(gateway: Gateway, counters: Counter[str]) -> ssdp.Presence | None:
    """The gateway's UPnP, if it has it and answers within SEARCH_S."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(gateway.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        _prepare_search(sock, gateway)
        repeat = loop.time() + SEARCH_REPEAT_S
        _search(sock, gateway, counters)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(repeat):
                return await _first_answer(sock, gateway, counters)
        _search(sock, gateway, counters)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(repeat - SEARCH_REPEAT_S + SEARCH_S):
                return await _first_answer(sock, gateway, counters)
    except OSError:
        counters["not sent"] += 1
    finally:
        sock.close()
    return None


def _prepare_search(sock: socket.socket, gateway: Gateway) -> None:
    """Raises OSError."""
    if gateway.is_ipv6:
        # From no address of our choice: to a link-local router that must be a link-local one.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _SEARCH_TTL)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, gateway.scope)
        return
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _SEARCH_TTL)
    sock.bind((gateway.inner, 0))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(gateway.inner))


def _search(sock: socket.socket, gateway: Gateway, counters: Counter[str]) -> None:
    """Some routers answer only what is sent to the group, some only what is sent to them."""
    group = ssdp.GROUP_IPV6 if gateway.is_ipv6 else ssdp.GROUP
    for host in (group, gateway.address):
        for target in ssdp.SEARCH_TARGETS:
            try:
                to = replace(gateway, address=host).place(ssdp.PORT)
                sock.sendto(ssdp.search(target, host), to)
            except OSError:
                counters["not sent"] += 1


async def _first_answer(
    sock: socket.socket, gateway: Gateway, counters: Counter[str]
) -> ssdp.Presence | None:
    loop = asyncio.get_running_loop()
    scope = gateway.scope if ip_address(gateway.address).is_link_local else 0
    for _ in range(SSDP_ANSWERS_MAX):
        try:
            data, source = await loop.sock_recvfrom(sock, ssdp.DATAGRAM_SIZE_MAX + 1)
        except OSError:  # nobody listens on the gateway's port 1900
            continue
        # Python adds the interface's name to a link-local address.
        if source[0].partition("%")[0] != gateway.address or source[3:] not in ((), (scope,)):
            counters["not from the gateway"] += 1
            continue
        try:
            return ssdp.parse_answer(data, gateway.address)
        except Malformed:
            counters["malformed"] += 1
    return None
