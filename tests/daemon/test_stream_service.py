from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from meshdht.clock import SystemEntropy
from meshdht.crypto.keys import PacketKey
from meshdht.daemon.stream_service import StreamService
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.net.stream import close
from meshdht.net.stream_client import open_stream
from tests.engine.eventually import eventually

KEY = PacketKey(bytes(32))


class Host:
    """Who serves streams."""

    def __init__(self) -> None:
        self.port: int | None = None
        self.clients: list[Endpoint] = []
        self.offers = False

    @property
    def packet_keys(self) -> Sequence[PacketKey]:
        return [KEY]

    def client_came(self, leg: Endpoint, source: Endpoint) -> None:
        self.clients.append(leg)

    def client_left(self, leg: Endpoint) -> None:
        self.clients.remove(leg)

    def set_mapped_stream(self, outer: Endpoint | None) -> None:
        raise AssertionError

    def set_stream_port(self, port: int | None) -> None:
        self.port = port


@asynccontextmanager
async def serving(host: Host, tcp_port: int) -> AsyncIterator[StreamService]:
    entropy = SystemEntropy()
    service = StreamService(host, 41820, tcp_port, entropy)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(service.run(lambda: host.offers, bool))
        yield service
        task.cancel()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("", 0))
        return int(sock.getsockname()[1])


async def test_streams_are_served_while_the_machine_offers_to_relay() -> None:
    host, tcp_port = Host(), free_port()
    async with serving(host, tcp_port) as service:
        await asyncio.sleep(0.05)
        assert host.port is None
        host.offers = True
        await eventually(lambda: host.port == tcp_port)
        stream = await open_stream(Endpoint(LOOPBACK, tcp_port), KEY, SystemEntropy())
        await eventually(lambda: service.streams == len(host.clients) == 1)
        host.offers = False
        await eventually(lambda: host.port is None)
        assert await stream.reader.read() == b""
        assert host.clients == []
        await close(stream.writer)


async def test_a_port_that_is_taken_is_told_and_nothing_is_published() -> None:
    host = Host()
    host.offers = True
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        async with serving(host, taken.getsockname()[1]) as service:
            await eventually(lambda: service.trouble != "")
            assert "TCP port" in service.trouble
            assert host.port is None


async def test_port_0_means_nowhere() -> None:
    host = Host()
    host.offers = True
    async with serving(host, 0):
        await asyncio.sleep(0.1)
        assert host.port is None
