"""A UDP socket that sends and receives trains: many datagrams of one size in one call.

Linux's UDP_SEGMENT (4.18) cuts what is sent, UDP_GRO (5.0) joins what arrived in a row. Without
them each datagram is a call.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
import sys
from collections.abc import Sequence

from meshdht.endpoint import Endpoint

# <linux/udp.h>, which the socket module does not name.
_UDP_SEGMENT = 103
_UDP_GRO = 104
_SEGMENT_SIZE = struct.Struct("=H")
_TRAIN_SIZE = struct.Struct("=i")
_MARKING = struct.Struct("=i")
_ANCILLARY = socket.CMSG_SPACE(_TRAIN_SIZE.size) + socket.CMSG_SPACE(_MARKING.size)
# <linux/in.h>, <linux/in6.h>: by whether it is IPv6, the level, the option that makes the kernel
# tell the field, and that which sets it for one datagram.
_TRAFFIC_CLASS = {
    False: (socket.IPPROTO_IP, 13, socket.IP_TOS),
    True: (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, socket.IPV6_TCLASS),
}
_ECN = 3
# A router was about to be full (RFC 3168: CE).
MARKED = 3

_Ancillary = tuple[int, int, bytes]

# UDP_MAX_SEGMENTS was 64 until Linux 6.10; all of a train is one UDP datagram to the sender's IP.
SEGMENTS_MAX = 64
TRAIN_SIZE_MAX = 65507


def segments_of(size: int) -> int:
    """How many datagrams of this size make one train."""
    return min(SEGMENTS_MAX, TRAIN_SIZE_MAX // size)


# What a network device without checksum offload says to UDP_SEGMENT, and an older kernel.
_NO_SEGMENTATION = frozenset({errno.EIO, errno.ENOPROTOOPT})
# Datagrams that have to be fragmented on the way out can't be cut out of one.
_NOT_THIS_TIME = frozenset({errno.EINVAL, errno.EMSGSIZE})

# A full buffer is worth waiting for: it empties at the speed of the line.
_WAIT_MS = 20


class DatagramSocket:
    """``sock`` is not blocking and stays its owner's."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.is_ipv6 = sock.family == socket.AF_INET6
        self.joins = _has_option(sock, _UDP_GRO, 1)
        self.segments = _has_option(sock, _UDP_SEGMENT, 0)
        self._level, self._tell_class, self._set_class = _TRAFFIC_CLASS[self.is_ipv6]
        self._writable = select.poll()
        self._writable.register(sock, select.POLLOUT)
        # The Endpoint of the last datagram: most come in trains from one source.
        self._last_address: tuple[object, ...] = ()
        self._last_source = Endpoint("", 0)

    def fileno(self) -> int:
        return self._sock.fileno()

    def heed_marks(self) -> None:
        """Tell from now on what field of ECN comes, and so whether a router marked it."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(self._level, self._tell_class, 1)

    def receive_into(self, buffer: memoryview) -> tuple[int, int, Endpoint, int] | None:
        """Size of what was received, of each datagram in it but perhaps the last, its source, and
        its field of ECN (0 without ``heed_marks``); None if there is nothing. Raises OSError."""
        try:
            size, ancillary, _, address = self._sock.recvmsg_into((buffer,), _ANCILLARY)
        except BlockingIOError:
            return None
        if address != self._last_address:
            self._last_address = address
            self._last_source = Endpoint(address[0], address[1])
        each, field = size, 0
        for level, _, value in ancillary:
            if level == socket.IPPROTO_UDP:
                each = _TRAIN_SIZE.unpack(value)[0]
            else:
                field = int.from_bytes(value, sys.byteorder) & _ECN
        return size, each, self._last_source, field

    def send(
        self, pieces: Sequence[bytes | memoryview], each: int, to: Endpoint, ecn: int = 0
    ) -> None:
        """Datagrams of ``each`` bytes, the last may be shorter, with this field of ECN. ``pieces``
        has either one piece a datagram or all of them in one piece. Raises OSError."""
        if len(pieces) == 1 and len(pieces[0]) <= each:
            self.send_one(pieces[0], to, ecn)
            return
        if self.segments:
            try:
                size = (socket.IPPROTO_UDP, _UDP_SEGMENT, _SEGMENT_SIZE.pack(each))
                self._send(pieces, (size, *self._marking(ecn)), to)
                return
            except OSError as error:
                if error.errno in _NO_SEGMENTATION:
                    self.segments = False
                elif error.errno not in _NOT_THIS_TIME:
                    raise
        for piece in pieces:
            for start in range(0, len(piece), each):
                self.send_one(piece[start : start + each], to, ecn)

    def send_one(self, datagram: bytes | memoryview, to: Endpoint, ecn: int = 0) -> None:
        """One datagram. Raises OSError."""
        if ecn:
            self._send((datagram,), self._marking(ecn), to)
            return
        try:
            self._sock.sendto(datagram, to)
        except BlockingIOError:
            self._writable.poll(_WAIT_MS)
            self._sock.sendto(datagram, to)

    def _marking(self, ecn: int) -> tuple[_Ancillary, ...]:
        return ((self._level, self._set_class, _MARKING.pack(ecn)),) if ecn else ()

    def _send(
        self,
        pieces: Sequence[bytes | memoryview],
        ancillary: tuple[_Ancillary, ...],
        to: Endpoint,
    ) -> None:
        try:
            self._sock.sendmsg(pieces, ancillary, 0, to)
        except BlockingIOError:
            self._writable.poll(_WAIT_MS)
            self._sock.sendmsg(pieces, ancillary, 0, to)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.IPPROTO_UDP, _UDP_GRO, 0)
        self._sock.close()


def _has_option(sock: socket.socket, option: int, value: int) -> bool:
    try:
        sock.setsockopt(socket.IPPROTO_UDP, option, value)
    except OSError:
        return False
    return True
