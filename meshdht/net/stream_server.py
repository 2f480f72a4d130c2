"""Serves streams (wire/stream.py) on a TCP port, TLS as an ordinary web server speaks it.

The certificate is made at each start, and nobody checks it: what travels inside is sealed by
those who send it. TLS is there because networks that block UDP let it pass. Who does not greet
with the packet key is told, as by any web server, that there is nothing here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence

from meshdht.clock import Entropy
from meshdht.crypto.keys import PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed, PlatformError
from meshdht.limits import (
    STRANGERS_MAX,
    STRANGERS_PER_HOST,
    STREAMS_MAX,
    STREAMS_PER_HOST,
)
from meshdht.net.certificate import server_context
from meshdht.net.stream import CHUNK, Junction, ServerSide, close
from meshdht.wire.packet import draw_nonce
from meshdht.wire.stream import (
    GREETING_HEADER,
    GREETING_SIZE,
    HEADER_SIZE,
    MAIN_PORT,
    FrameReader,
    answer,
    check_greeting,
    frame,
)

log = logging.getLogger(__name__)

GREETING_TIMEOUT_S = 10.0
_NOTHING_HERE = (
    b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


class StreamServer:
    """``keys()`` are the packet keys that are let in, ours first; ``is_open(port)`` says which UDP
    ports of this machine a stream may reach beside ``own_port``. ``on_leg(endpoint, client)``
    hears whence the datagrams of a client, at a TCP endpoint, come, and ``on_leg_gone(endpoint)``
    that it has left."""

    def __init__(
        self,
        own_port: int,
        keys: Callable[[], Sequence[PacketKey]],
        is_open: Callable[[int], bool],
        entropy: Entropy,
        on_leg: Callable[[Endpoint, Endpoint], None],
        on_leg_gone: Callable[[Endpoint], None],
    ) -> None:
        self._own_port = own_port
        self._keys = keys
        self._is_open = is_open
        self._entropy = entropy
        self._on_leg = on_leg
        self._on_leg_gone = on_leg_gone
        self._strangers: Counter[str] = Counter()
        self._streams: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.counters: Counter[str] = Counter()
        """Connections that came to nothing, by reason."""

    @property
    def streams(self) -> int:
        """How many are served now."""
        return self._streams.total()

    async def start(self, port: int) -> int:
        """Listen on IPv4 and, where there is such, IPv6; returns the port. Raises PlatformError."""
        context = server_context()
        try:
            for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                if family == socket.AF_INET6 and not socket.has_ipv6:
                    continue
                server = await asyncio.start_server(
                    self._accepted,
                    host,
                    port,
                    family=family,
                    ssl=context,
                    ssl_handshake_timeout=GREETING_TIMEOUT_S,
                    limit=CHUNK,
                )
                self._servers.append(server)
                port = server.sockets[0].getsockname()[1]
        except OSError as error:
            if not self._servers:
                raise PlatformError(
                    f"cannot listen on TCP port {port}: {error.strerror or error}",
                    "stop what uses it, or set relay_tls_port",
                ) from None
        return port

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername") or ("", 0)
        client = Endpoint(str(peer[0]), int(peer[1]))
        host = client.host
        if (
            self._strangers.total() >= STRANGERS_MAX
            or self._strangers[host] >= STRANGERS_PER_HOST
            or self.streams >= STREAMS_MAX
            or self._streams[host] >= STREAMS_PER_HOST
        ):
            self.counters["too many"] += 1
            await close(writer)
            return
        self._strangers[host] += 1
        try:
            is_greeted = await self._greeted(reader, writer)
        finally:
            _release(self._strangers, host)
        if not is_greeted:
            await close(writer)
            return
        self._streams[host] += 1
        try:
            await self._pass_on(reader, writer, client)
        finally:
            _release(self._streams, host)

    async def _greeted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the client holds a packet key of ours; answers it in either case."""
        try:
            async with asyncio.timeout(GREETING_TIMEOUT_S):
                header = await reader.readexactly(HEADER_SIZE)
                if header != GREETING_HEADER:
                    raise OpenFailed("no greeting")
                greeting = await reader.readexactly(GREETING_SIZE)
            key, asked = self._who_asks(greeting)
            writer.write(frame(MAIN_PORT, answer(key, draw_nonce(self._entropy), asked)))
            return True
        except OpenFailed:
            self.counters["stranger"] += 1
            with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
                writer.write(_NOTHING_HERE)
                async with asyncio.timeout(GREETING_TIMEOUT_S):
                    await writer.drain()
        except (OSError, ssl.SSLError, TimeoutError, asyncio.IncompleteReadError):
            self.counters["silent"] += 1
        return False

    def _who_asks(self, greeting: bytes) -> tuple[PacketKey, bytes]:
        for key in self._keys():
            with contextlib.suppress(OpenFailed):
                return key, check_greeting(key, greeting)
        raise OpenFailed("under none of our keys")

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: Endpoint
    ) -> None:
        _keep_alive(writer)
        local = ServerSide(self._own_port, self._is_open)
        junction = Junction(reader, writer, FrameReader(), local)
        self._on_leg(local.endpoint, client)
        try:
            await junction.run()
        finally:
            self._on_leg_gone(local.endpoint)
            self.counters["dropped"] += junction.dropped
            self.counters += local.counters

    async def close(self) -> None:
        """Stop listening and end all streams."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._servers.clear()


def _release(counter: Counter[str], host: str) -> None:
    counter[host] -= 1
    if not counter[host]:
        del counter[host]


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """Notice a client that vanished, within about two minutes."""
    sock = writer.get_extra_info("socket")
    for level, option, value in (
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    ):
        sock.setsockopt(level, option, value)
