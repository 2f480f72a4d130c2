"""Embedded engines at the loopback, with a socket pair as TUN."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network

from meshdht.clock import SystemClock
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import (
    AddPeer,
    PeerConfig,
)
from meshdht.engine.embedded import EmbeddedEngine
from meshdht.engine.offload.virtio import PLAIN
from meshdht.net.udp import UdpPort
from meshdht.wireguard.constants import Intervals
from meshdht.wireguard.events import (
    DeviceEvent,
)
from tests.wireguard.network import A_TO_B


class FakeTun:
    """A TUN of which the test is the kernel."""

    offloads: tuple[str, ...] = ("TSO",)

    def __init__(self) -> None:
        self._ours, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ours.setblocking(False)
        self.kernel.setblocking(False)

    def fileno(self) -> int:
        return self._ours.fileno()

    def close(self) -> None:
        self._ours.close()
        self.kernel.close()


class Side:
    """One engine at the loopback, and what it reported."""

    def __init__(self, number: int) -> None:
        self.private = WireGuardPrivateKey(bytes([number]) * 32)
        self.control: list[bytes] = []
        self.port = UdpPort(0, lambda data, source: self.control.append(data))
        self.endpoint = Endpoint("127.0.0.1", self.port.port)
        self.config = PeerConfig(
            self.private.public,
            allowed_ips=(ip_network(f"10.0.0.{number}/32"),),
            endpoint=self.endpoint,
        )
        self.tun = FakeTun()
        self.tuns_lost = 0
        self.events: list[DeviceEvent] = []
        self.engine = EmbeddedEngine(
            self.private,
            self.tun,
            self.port,
            clock=SystemClock(),
            on_event=self.events.append,
            on_tun_lost=self._lose,
            stamps_after=time.time() + 60,  # as after a start, see ``daemon.persistence``
            intervals=Intervals(rekey_timeout=0.05),
        )

    def give(self, packet: bytes) -> None:
        self.tun.kernel.send(PLAIN + packet)

    async def received(self) -> bytes:
        loop = asyncio.get_running_loop()
        frame = await asyncio.wait_for(loop.sock_recv(self.tun.kernel, 65535), 5)
        assert frame.startswith(PLAIN)
        return frame[len(PLAIN) :]

    async def counted(self, name: str) -> int:
        await self.engine.stats()
        return self.engine.counters.get(name, 0)

    async def comes_to_count(self, name: str, number: int) -> None:
        """Wait until the worker has counted so many; TimeoutError if it does not."""
        async with asyncio.timeout(5):
            while (found := await self.counted(name)) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert found == number

    def _lose(self) -> None:
        self.tuns_lost += 1


Sides = tuple[Side, Side]


@asynccontextmanager
async def open_sides() -> AsyncIterator[Sides]:
    """Two, started."""
    a, b = Side(1), Side(2)
    await asyncio.gather(a.engine.start(), b.engine.start())
    try:
        yield a, b
    finally:
        for side in (a, b):
            await side.engine.close()
            side.port.close()
            side.tun.close()


async def connect(a: Side, b: Side) -> None:
    await a.engine.apply([AddPeer(b.config)])
    await b.engine.apply([AddPeer(replace(a.config, endpoint=None))])
    a.give(A_TO_B)
    assert await b.received() == A_TO_B
