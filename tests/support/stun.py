"""A STUN server of a few lines (RFC 8489), which also runs by itself: python stun.py ADDRESS."""

from __future__ import annotations

import ipaddress
import socket
import sys

COOKIE = bytes.fromhex("2112a442")


def response(request: bytes, host: str, port: int) -> bytes:
    """The success response to a binding request that came from there."""
    transaction = request[8:20]
    key = COOKIE + transaction
    packed = ipaddress.ip_address(host).packed
    family = 1 if len(packed) == 4 else 2
    address = bytes(a ^ b for a, b in zip(packed, key, strict=False))
    value = bytes([0, family]) + (port ^ 0x2112).to_bytes(2, "big") + address
    attribute = b"\x00\x20" + len(value).to_bytes(2, "big") + value
    return b"\x01\x01" + len(attribute).to_bytes(2, "big") + key + attribute


def serve(address: str) -> None:
    """Answer on port 3478 for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 3478))
        while True:
            request, (host, port) = sock.recvfrom(2048)
            sock.sendto(response(request, host, port), (host, port))


if __name__ == "__main__":
    serve(sys.argv[1])
