"""Control packets over a UDP port that WireGuard in the kernel holds.

The kernel gives WireGuard's port to nobody else, so that control packets go by raw sockets, one a
family. A filter in the kernel (classic BPF, Linux, networking/filter) passes on what may be a
control packet alone: traffic of the tunnels, keepalives and most junk never wake this process.
Needs CAP_NET_RAW.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import socket
import struct

from meshdht.endpoint import Endpoint
from meshdht.errors import PlatformError
from meshdht.net.udp import DATAGRAM_SIZE, PortCounters, Receiver, allow_fragments
from meshdht.net.way_errors import WayErrors
from meshdht.wire.classify import Traffic, classify
from meshdht.wire.packet import MAX_DATAGRAM_SIZE

# Datagrams taken from one socket before the loop may turn to something else.
_BATCH = 64

# RFC 768: source port, destination port, length with this header, checksum.
_UDP_HEADER = struct.Struct(">HHHH")

# The smallest datagram that is somebody's: a STUN message without attributes (RFC 8489).
DATAGRAM_SIZE_MIN = 20

# <linux/filter.h>, <linux/bpf_common.h>: instructions of the filter, by what they do.
_LOAD_X_IP_HEADER_SIZE = 0xB1  # X = 4 * (byte & 15)
_LOAD_X = 0x01
_LOAD_HALF = 0x48  # A = 16 bits at X + k
_LOAD_WORD = 0x40  # A = 32 bits at X + k
_IF_EQUAL = 0x15
_IF_GREATER = 0x25
_IF_NOT_LESS = 0x35
_RETURN = 0x06
_INSTRUCTION = struct.Struct("=HBBI")
_ALL = 0x40000

# <asm-generic/socket.h>, <linux/in6.h>
_SO_ATTACH_FILTER = 26
_IPV6_CHECKSUM = 7

# Where a UDP header has its checksum.
_CHECKSUM_OFFSET = 6


def control_filter(port: int, family: socket.AddressFamily) -> bytes:
    """The program for a raw UDP socket: what comes to ``port``, is as long as a control packet
    or a STUN message may be, and does not begin with WireGuard's message type (1 to 4, little
    endian). It may rely on X + k being inside the packet: a load beyond the end drops it.

    A raw IPv4 socket sees the IP header, a raw IPv6 socket begins at the UDP header.
    """
    head = _UDP_HEADER.size
    # Each with whether it drops the packet if it holds, or if it does not; loads do neither.
    body = [
        (_LOAD_HALF, 2, None),
        (_IF_EQUAL, port, False),
        (_LOAD_HALF, 4, None),
        (_IF_NOT_LESS, head + DATAGRAM_SIZE_MIN, False),
        (_IF_GREATER, head + MAX_DATAGRAM_SIZE, True),
        (_LOAD_WORD, head, None),
        *((_IF_EQUAL, kind << 24, True) for kind in (1, 2, 3, 4)),
    ]
    load_x = _LOAD_X_IP_HEADER_SIZE if family == socket.AF_INET else _LOAD_X
    program = [_INSTRUCTION.pack(load_x, 0, 0, 0)]
    for place, (code, operand, drops) in enumerate(body):
        # Two returns follow: take it, drop it. A jump counts from the instruction after it.
        drop = len(body) - place
        yes, no = drop if drops else 0, drop if drops is False else 0
        program.append(_INSTRUCTION.pack(code, yes, no, operand))
    program += [_INSTRUCTION.pack(_RETURN, 0, 0, size) for size in (_ALL, 0)]
    return b"".join(program)


class SharedPort:
    """``port`` belongs to somebody else, who keeps it open: else the kernel refuses datagrams to
    it with ICMP. Implements ``Port``."""

    def __init__(self, port: int, *, on_control: Receiver) -> None:
        """Open the sockets; raises PlatformError. ``start`` begins to read."""
        self.port = port
        self.errors = WayErrors(port)
        """Why what was sent did not arrive."""
        self.counters = PortCounters()
        self._on_control = on_control
        self.on_stun: Receiver | None = None
        """Who asks a STUN server, if anybody."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._v4 = _open(socket.AF_INET, port)
        try:
            self._v6 = _open_v6(port)
        except BaseException:
            self._v4.close()
            raise

    def start(self) -> None:
        """Read from now on, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self.errors.start()
        self._loop.add_reader(self._v4.fileno(), self._read, self._v4, True)
        if self._v6 is not None:
            self._loop.add_reader(self._v6.fileno(), self._read, self._v6, False)

    def send(self, data: bytes, destination: Endpoint) -> None:
        """Send a datagram from the port, if the machine can; what it cannot send is counted.

        Over IPv4 it goes without a checksum, which UDP allows there: its own tag is stronger.
        Never raises.
        """
        host, port = destination
        sock = self._v6 if ":" in host else self._v4
        if sock is None:
            self.counters.send_failed += 1
            self.errors.failed(destination, None)
            return
        try:
            header = _UDP_HEADER.pack(self.port, port, _UDP_HEADER.size + len(data), 0)
            sock.sendto(header + data, (host, 0))
            self.errors.sent(destination)
        except struct.error:
            self.counters.send_failed += 1
        except OSError as error:
            self.counters.send_failed += 1
            self.errors.failed(destination, error)

    def close(self) -> None:
        self.errors.close()
        for sock in (self._v4, self._v6):
            if sock is not None:
                if self._loop is not None and sock.fileno() >= 0:
                    self._loop.remove_reader(sock.fileno())
                sock.close()

    def _read(self, sock: socket.socket, has_ip_header: bool) -> None:
        for _ in range(_BATCH):
            try:
                packet, address = sock.recvfrom(DATAGRAM_SIZE)
            except BlockingIOError:
                return
            except OSError:
                self.counters.receive_failed += 1
                return
            self._take(packet, address[0], 4 * (packet[0] & 15) if has_ip_header else 0)

    def _take(self, packet: bytes, host: str, begin: int) -> None:
        """What came between the socket's making and its filter's may be anybody's."""
        end = begin + _UDP_HEADER.size
        if len(packet) < end:
            return
        source_port, port, length, _ = _UDP_HEADER.unpack_from(packet, begin)
        if port != self.port:
            return
        data = packet[end : begin + length]
        traffic = classify(data)
        if traffic is Traffic.CONTROL:
            self._on_control(data, Endpoint(host, source_port))
        elif traffic is Traffic.STUN and self.on_stun is not None:
            self.on_stun(data, Endpoint(host, source_port))
        elif traffic is Traffic.STUN:
            self.counters.unwanted += 1


def probe_raw_sockets() -> None:
    """Raise PlatformError unless this process may have them."""
    _open(socket.AF_INET, 0).close()


def _open_v6(port: int) -> socket.socket | None:
    """None on a machine without IPv6."""
    try:
        sock = _open(socket.AF_INET6, port)
        # The kernel writes the checksum, which IPv6 demands: it alone knows the source address.
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_CHECKSUM, _CHECKSUM_OFFSET)
    except OSError as error:
        if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return None
        raise
    return sock


def _open(family: socket.AddressFamily, port: int) -> socket.socket:
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    try:
        sock = socket.socket(family, kind, socket.IPPROTO_UDP)
    except PermissionError:
        raise PlatformError(
            "no permission for raw sockets", "run with sudo; in a container: --cap-add NET_RAW"
        ) from None
    if family == socket.AF_INET:
        allow_fragments(sock)
    program = ctypes.create_string_buffer(control_filter(port, family))
    count = (len(program) - 1) // _INSTRUCTION.size
    # struct sock_fprog: the number of instructions, and where they are.
    sock.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("@HP", count, ctypes.addressof(program)),
    )
    return sock
