"""ICMP echo requests of chosen sizes out of one interface (RFC 792, RFC 4443 section 4.1).

    request = type (1) ‖ 0 ‖ checksum (2) ‖ identifier (2) ‖ 0 0 ‖ token (8) ‖ u16 IP size ‖ zeros

The token is drawn anew each time: an answer that bears it was made by who got the request.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Sequence

from meshdht.clock import Entropy
from meshdht.errors import PlatformError
from meshdht.net.netlink import IPAddress

_TOKEN_SIZE = 8
_REQUEST = struct.Struct(f"!BxHH2x{_TOKEN_SIZE}sH")
_IDENTIFIER_SIZE = 2
_IP_SIZE = {4: 20, 6: 40}
_TYPES = {4: (8, 0), 6: (128, 129)}  # request, reply

# Linux's <linux/in.h>, <linux/in6.h>, <linux/icmp.h>, <linux/icmpv6.h>.
_MTU_DISCOVER = {4: (socket.IPPROTO_IP, 10), 6: (socket.IPPROTO_IPV6, 23)}
_PMTUDISC_PROBE = 3  # never fragment here, and do not believe what is known of the route
_FILTER = {4: (255, 1), 6: (58, 1)}  # SOL_RAW and ICMP_FILTER, SOL_ICMPV6 and ICMPV6_FILTER


async def answered(
    interface: str, address: IPAddress, sizes: Sequence[int], wait_s: float, entropy: Entropy
) -> set[int]:
    """Send an IP packet of each size, and wait until the largest is answered, or for ``wait_s``;
    which were. Raises PlatformError where this process may not."""
    token = entropy.token(_TOKEN_SIZE)
    identifier = int.from_bytes(entropy.token(_IDENTIFIER_SIZE), "big")
    found: set[int] = set()
    with _open(interface, address) as sock:
        for size in sizes:
            with contextlib.suppress(OSError):  # no route, too large for the interface: no answer
                sock.send(_request(address.version, identifier, token, size))
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while max(sizes) not in found:
                    try:
                        data = await loop.sock_recv(sock, 65535)
                    except OSError:  # an ICMP error for one of them
                        continue
                    found |= _answer(address.version, data, token) & set(sizes)
    return found


def _open(interface: str, address: IPAddress) -> socket.socket:
    version = address.version
    family, protocol = (
        (socket.AF_INET, socket.IPPROTO_ICMP)
        if version == 4
        else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    )
    reply = _TYPES[version][1]
    words = [0xFFFFFFFF] * (1 if version == 4 else 8)
    words[reply >> 5] &= ~(1 << (reply & 31))
    try:
        sock = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        raise PlatformError(f"cannot send ICMP: {os.strerror(error.errno or 0)}") from None
    try:
        sock.setsockopt(*_FILTER[version], struct.pack(f"={len(words)}I", *words))
        sock.setsockopt(*_MTU_DISCOVER[version], _PMTUDISC_PROBE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        sock.connect((str(address), 0))
    except OSError as error:
        sock.close()
        raise PlatformError(
            f"cannot send ICMP by {interface}: {os.strerror(error.errno or 0)}"
        ) from None
    return sock


def _request(version: int, identifier: int, token: bytes, size: int) -> bytes:
    kind = _TYPES[version][0]
    length = size - _IP_SIZE[version]
    checksum = 0
    if version == 4:  # the kernel makes that of ICMPv6
        blank = _REQUEST.pack(kind, 0, identifier, token, size)
        total = sum(struct.unpack(f"!{_REQUEST.size // 2}H", blank))
        total = (total & 0xFFFF) + (total >> 16)
        checksum = ~(total + (total >> 16)) & 0xFFFF
    return _REQUEST.pack(kind, checksum, identifier, token, size).ljust(length, b"\0")


def _answer(version: int, data: bytes, token: bytes) -> set[int]:
    """The size that a reply is to; empty for what is none to us."""
    # A raw socket hands over the header of IPv4, and not that of IPv6.
    head = (data[0] & 15) * 4 if version == 4 and data else 0
    if len(data) < head + _REQUEST.size:
        return set()
    kind, _, _, echoed, size = _REQUEST.unpack_from(data, head)
    return {size} if kind == _TYPES[version][1] and echoed == token else set()
