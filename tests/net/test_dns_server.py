"""The sockets of a DNS server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from meshdht.errors import PlatformError
from meshdht.limits import NAME_QUERY_SIZE, NAME_STREAMS
from meshdht.net import dns_server
from meshdht.net.dns_server import DnsServer
from tests.engine.eventually import eventually

HOST = "127.77.1.2"


def words(query: bytes, by_stream: bool) -> bytes | None:
    return None if query == b"?" else query + (b" by stream" if by_stream else b" by datagram")


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    server = DnsServer(words)
    await server.open(HOST, [0])
    yield server
    await server.close()


async def ask(server: DnsServer, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        await loop.sock_connect(client, (HOST, server.port))
        await loop.sock_sendall(client, query)
        return await asyncio.wait_for(loop.sock_recv(client, 4096), 5)


def framed(query: bytes) -> bytes:
    return len(query).to_bytes(2, "big") + query


async def test_a_datagram_is_answered_by_one(server: DnsServer) -> None:
    assert await ask(server, b"nas") == b"nas by datagram"


async def test_what_gets_no_words_gets_no_answer(server: DnsServer) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask(server, b"?"), 0.2)
    assert await ask(server, b"nas") == b"nas by datagram"


async def test_a_stream_is_answered_as_often_as_it_asks(server: DnsServer) -> None:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    for query in (b"nas", b"laptop"):
        writer.write(framed(query))
        answer = query + b" by stream"
        assert await reader.readexactly(2 + len(answer)) == framed(answer)
    writer.write(framed(b"?"))
    assert await reader.read() == b""
    writer.close()


async def test_a_query_that_is_too_large_ends_its_stream(server: DnsServer) -> None:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write((NAME_QUERY_SIZE + 1).to_bytes(2, "big"))
    assert await reader.read() == b""
    assert server.counters == {"too_large": 1}
    writer.close()


async def test_a_stream_that_says_nothing_is_ended(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_server, "IDLE_S", 0.1)
    reader, writer = await asyncio.open_connection(HOST, server.port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_streams_are_no_more_than_the_cap(server: DnsServer) -> None:
    streams = [await asyncio.open_connection(HOST, server.port) for _ in range(NAME_STREAMS + 3)]
    refused = 0
    for reader, writer in streams:
        writer.write(framed(b"nas"))
        try:
            refused += await asyncio.wait_for(reader.read(4), 5) == b""
        except ConnectionError:
            refused += 1
    assert refused == 3
    for _, writer in streams:
        writer.transport.abort()
    await eventually(lambda: not server._writers)


@pytest.mark.parametrize("source", ["100.99.0.7", "fd00::7", "fe80::7%eth0"])
async def test_another_machine_is_not_answered(server: DnsServer, source: str) -> None:
    assert server.datagram_received(b"nas", source) is None
    assert server.counters == {"other_machine": 1}


@pytest.mark.parametrize("source", [HOST, "127.0.0.1", "::1"])
async def test_the_machine_itself_is(server: DnsServer, source: str) -> None:
    assert server.datagram_received(b"nas", source) == b"nas by datagram"


async def test_the_next_port_is_taken_where_one_is_in_use(server: DnsServer) -> None:
    other = DnsServer(words)
    await other.open(HOST, [server.port, 0])
    assert other.port not in (0, server.port)
    assert await ask(other, b"nas") == b"nas by datagram"
    await other.close()


async def test_a_port_that_nobody_can_have_is_an_error(server: DnsServer) -> None:
    other = DnsServer(words)
    with pytest.raises(PlatformError, match=f"cannot listen on {HOST} port {server.port}"):
        await other.open(HOST, [server.port])
    assert other.port == 0


async def test_closing_frees_the_port_and_ends_the_streams() -> None:
    server = DnsServer(words)
    await server.open(HOST, [0])
    port = server.port
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(framed(b"nas"))
    await reader.readexactly(4)
    await server.close()
    await server.close()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(100)
    writer.transport.abort()
    await server.open(HOST, [port])
    assert await ask(server, b"nas") == b"nas by datagram"
    await server.close()
