"""Multicast on the LAN: one small datagram to everybody on the links of some interfaces.

Two sockets, one a family, on the beacon's port, which all daemons of a machine share. Each
joins its group on the interfaces it was told, and on no other, and sends on each from the
address that the machine has there. What cannot be joined or sent is counted, never raised: a
machine without multicast has other ways to be found.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from meshdht.net.netlink import LocalAddress
from meshdht.wire.beacon import BEACON_GROUP_IPV4, BEACON_GROUP_IPV6, BEACON_PORT, BEACON_SIZE

OnBeacon = Callable[[bytes, str], None]
"""on_beacon(datagram, host)"""

# Datagrams taken at once before the loop may turn to something else.
_BATCH = 32
# <linux/in.h>, <linux/in6.h>, which the socket module does not name: hear only groups that this
# very socket has joined.
_IP_MULTICAST_ALL = 49
_IPV6_MULTICAST_ALL = 29
_IP_PKTINFO = 8


@dataclass(frozen=True, slots=True)
class _Place:
    """An interface, and the address that we speak from there."""

    index: int
    address: str

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.address


class LanBeacon:
    """``set_addresses`` says where; ``send`` speaks there. Closing it twice is harmless."""

    def __init__(self, on_beacon: OnBeacon) -> None:
        self._on_beacon = on_beacon
        self.counters: Counter[str] = Counter()
        """What did not work, by reason."""
        self._loop = asyncio.get_running_loop()
        self._v4 = self._open(socket.AF_INET)
        self._v6 = self._open(socket.AF_INET6)
        self._places: set[_Place] = set()
        self._joined: set[tuple[bool, int]] = set()

    def _open(self, family: socket.AddressFamily) -> socket.socket | None:
        """A socket of one family; None where the machine has none, or will not share the port."""
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError:
            self.counters["no socket"] += 1
            return None
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
            sock.bind(("", BEACON_PORT))
        except OSError:
            sock.close()
            self.counters["no socket"] += 1
            return None
        self._loop.add_reader(sock.fileno(), self._read, sock)
        return sock

    def set_addresses(self, addresses: Iterable[LocalAddress]) -> None:
        """Speak from these addresses, one a family and interface, and listen where they are."""
        chosen: dict[tuple[bool, str], str] = {}
        for each in addresses:
            chosen.setdefault((each.address.version == 6, each.interface), str(each.address))
        self._places = set()
        for (_, interface), address in chosen.items():
            with contextlib.suppress(OSError):
                self._places.add(_Place(socket.if_nametoindex(interface), address))
        wanted = {(place.is_ipv6, place.index) for place in self._places}
        for is_ipv6, index in sorted(self._joined - wanted):
            self._change(is_ipv6, index, join=False)
        for is_ipv6, index in sorted(wanted - self._joined):
            self._change(is_ipv6, index, join=True)

    def _change(self, is_ipv6: bool, index: int, *, join: bool) -> None:
        sock = self._v6 if is_ipv6 else self._v4
        if sock is None:
            return
        try:
            if is_ipv6:
                option = socket.IPV6_JOIN_GROUP if join else socket.IPV6_LEAVE_GROUP
                group = socket.inet_pton(socket.AF_INET6, BEACON_GROUP_IPV6)
                sock.setsockopt(socket.IPPROTO_IPV6, option, group + struct.pack("@I", index))
            else:
                option = socket.IP_ADD_MEMBERSHIP if join else socket.IP_DROP_MEMBERSHIP
                # struct ip_mreqn
                group = socket.inet_aton(BEACON_GROUP_IPV4) + bytes(4)
                sock.setsockopt(socket.IPPROTO_IP, option, group + struct.pack("@i", index))
        except OSError:
            # An interface that has gone has left its groups by itself.
            self.counters["not joined"] += join
        if join:
            self._joined.add((is_ipv6, index))
        else:
            self._joined.discard((is_ipv6, index))

    def send(self, datagram: bytes) -> None:
        """Send it once on each interface and family."""
        for place in sorted(self._places, key=lambda place: (place.index, place.address)):
            sock = self._v6 if place.is_ipv6 else self._v4
            if sock is not None:
                self._send_from(sock, place, datagram)

    def _send_from(self, sock: socket.socket, place: _Place, datagram: bytes) -> None:
        if place.is_ipv6:
            # struct in6_pktinfo
            source = socket.inet_pton(socket.AF_INET6, place.address)
            info = source + struct.pack("@I", place.index)
            control = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)]
            to: tuple[str, int] = (BEACON_GROUP_IPV6, BEACON_PORT)
        else:
            # struct in_pktinfo
            source = socket.inet_aton(place.address)
            info = struct.pack("@i", place.index) + source + bytes(4)
            control = [(socket.IPPROTO_IP, _IP_PKTINFO, info)]
            to = (BEACON_GROUP_IPV4, BEACON_PORT)
        try:
            sock.sendmsg([datagram], control, 0, to)
        except OSError:
            self.counters["not sent"] += 1

    def _read(self, sock: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                datagram, address = sock.recvfrom(BEACON_SIZE + 1)
            except OSError:
                return
            self._on_beacon(datagram, address[0].partition("%")[0])

    def close(self) -> None:
        for sock in (self._v4, self._v6):
            if sock is not None and sock.fileno() >= 0:
                self._loop.remove_reader(sock.fileno())
                sock.close()
