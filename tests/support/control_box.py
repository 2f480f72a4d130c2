"""A router that speaks PCP, NAT-PMP or both, as bytes or on a loopback address of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from meshdht.endpoint import Endpoint
from meshdht.net.gateway import Gateway
from meshdht.wire.port_mapping import CONTROL_PORT

INNER = Endpoint("192.168.1.2", 41820)
OUTER = Endpoint("25.0.0.1", 50000)


@dataclass
class ControlBox:
    """Answers as the RFCs say; the fields are what is odd about it."""

    pcp: bool = True
    pmp: bool = True
    outer: Endpoint = OUTER
    booted: float = -100.0
    lifetime_s: int | None = None
    result: int = 0
    wrong_nonce: bool = False
    inner_port: int = INNER.port
    seen: list[bytes] = field(default_factory=list)

    @contextmanager
    def serving(self, gateway: Gateway) -> Iterator[None]:
        """Answer at port 5351 of a loopback gateway, on the running loop."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.bind((gateway.address, CONTROL_PORT))

            def read() -> None:
                request, source = sock.recvfrom(1200)
                answer = self.answer(request, loop.time())
                if answer is not None:
                    sock.sendto(answer, source)

            loop.add_reader(sock.fileno(), read)
            try:
                yield
            finally:
                loop.remove_reader(sock.fileno())

    @property
    def withdrawn(self) -> list[bytes]:
        """Requests for a lifetime of nothing."""
        asked = [(each, each[4:8] if each[0] == 2 else each[8:12]) for each in self.seen]
        return [each for each, lifetime in asked if each[1] == 1 and lifetime == bytes(4)]

    def answer(self, request: bytes, now: float) -> bytes | None:
        self.seen.append(request)
        epoch = int(now - self.booted).to_bytes(4, "big")
        if request[0] == 2:
            if self.pcp:
                return self._pcp(request, epoch)
            return bytes((0, 0x81, 0, 1)) + epoch if self.pmp else None
        if not self.pmp:
            return None
        result = self.result.to_bytes(2, "big")
        if request[1] == 0:
            return bytes((0, 0x80)) + result + epoch + IPv4Address(self.outer.host).packed
        ports = self.inner_port.to_bytes(2, "big") + self.outer.port.to_bytes(2, "big")
        lifetime = request[8:12] if self.lifetime_s is None else self.lifetime_s.to_bytes(4, "big")
        return bytes((0, 0x81)) + result + epoch + ports + lifetime

    def _pcp(self, request: bytes, epoch: bytes) -> bytes:
        lifetime = request[4:8] if self.lifetime_s is None else self.lifetime_s.to_bytes(4, "big")
        nonce = bytes(12) if self.wrong_nonce else request[24:36]
        mapped = bytes(10) + b"\xff\xff" + IPv4Address(self.outer.host).packed
        ports = self.inner_port.to_bytes(2, "big") + self.outer.port.to_bytes(2, "big")
        header = bytes((2, 0x81, 0, self.result)) + lifetime + epoch + bytes(12)
        return header + nonce + request[36:40] + ports + mapped
