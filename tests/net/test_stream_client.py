from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from meshdht.clock import SystemEntropy
from meshdht.endpoint import Endpoint
from meshdht.net.certificate import server_context
from meshdht.net.stream import close
from meshdht.net.stream_client import Proxy, StreamFailed, open_stream
from tests.engine.eventually import eventually
from tests.net.streams import KEY, Machine, serving


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    async with serving() as machine:
        yield machine


async def test_what_is_no_server_of_ours_is_told_in_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = Endpoint("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(StreamFailed, match="refused"):
            await open_stream(nobody, KEY, SystemEntropy())
    for context, said, words in (
        (None, b"SSH-2.0-OpenSSH_9.2\r\n", "no TLS"),
        (server_context(), b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", "none of ours"),
        (server_context(), b"", "closed"),
    ):
        async with _portal(said, context) as at:
            with pytest.raises(StreamFailed, match=words):
                await open_stream(at, KEY, SystemEntropy())


@asynccontextmanager
async def _portal(said: bytes, context: ssl.SSLContext | None) -> AsyncIterator[Endpoint]:
    """A server that says the same to everybody."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])


class ConnectProxy:
    """An HTTP proxy that does what CONNECT asks, or says something else."""

    def __init__(self, refusal: bytes = b"") -> None:
        self.asked = b""
        self._refusal = refusal

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return Proxy("127.0.0.1", port, "user:secret")

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = await reader.readuntil(b"\r\n\r\n")
        if self._refusal:
            writer.write(self._refusal)
            writer.close()
            return
        host, _, port = self.asked.split(b" ")[1].decode().rpartition(":")
        there = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
        await asyncio.gather(_pipe(reader, there[1]), _pipe(there[0], writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    writer.close()


async def test_a_proxy_is_asked_to_connect(machine: Machine) -> None:
    proxy = ConnectProxy()
    async with proxy as at:
        stream = await open_stream(machine.at, KEY, SystemEntropy(), at)
        assert proxy.asked.startswith(f"CONNECT {machine.at} HTTP/1.1\r\n".encode())
        assert b"\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" in proxy.asked
        assert "secret" not in repr(at)
        await eventually(lambda: machine.server.streams == 1)
        await close(stream.writer)
        await eventually(lambda: machine.server.streams == 0)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407.*user and password"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "refused: 403"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 " + bytes(300_000), "no sensible answer"),
    ],
)
async def test_a_proxy_that_refuses_is_told_in_words(
    machine: Machine, says: bytes, words: str
) -> None:
    async with ConnectProxy(says) as at:
        with pytest.raises(StreamFailed, match=words):
            await open_stream(machine.at, KEY, SystemEntropy(), at)
