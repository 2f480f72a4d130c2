"""Counters over HTTP on this machine's loopback, for a Prometheus that scrapes them.

Off unless ``metrics_port`` is set: every local user can read what it serves, the names of the
devices too. One request a connection and nothing but ``GET /metrics``, so that it is small enough
to be bounded in all that a local program could make grow.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from meshdht.api.messages import Status
from meshdht.api.metrics import CONTENT_TYPE, metrics_text
from meshdht.errors import PlatformError

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
CONNECTIONS_MAX = 8
REQUEST_BYTES_MAX = 8192
TIMEOUT_S = 5.0
# A web page can have its visitor's browser ask this port under a name of its own, and read the
# answer: a browser says the name.
_HOSTS = (HOST, "localhost", "[::1]")


class MetricsServer:
    """``status`` is asked once a request."""

    def __init__(self, status: Callable[[], Awaitable[Status]]) -> None:
        self._status = status
        self._server: asyncio.Server | None = None
        self._port: int | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def serve_at(self, port: int | None) -> None:
        """Serve there and nowhere else, or with None not at all; raises PlatformError, and serves
        as before then."""
        if port == self._port:
            return
        server = None
        if port is not None:
            try:
                server = await asyncio.start_server(
                    self._accept, HOST, port, limit=REQUEST_BYTES_MAX
                )
            except OSError as error:
                raise PlatformError(
                    f"cannot serve metrics on TCP port {port}: {error.strerror}",
                    "choose another one: meshdht set metrics_port=9587",
                ) from None
        await self.close()
        self._server, self._port = server, port

    async def start(self, port: int | None) -> None:
        """Serve there if that can be: counters are no reason for a network not to come up."""
        try:
            await self.serve_at(port)
        except PlatformError as error:
            log.warning("%s (%s)", error.message, error.hint)

    async def close(self) -> None:
        """Serve no more, and cut off who is being served."""
        server, self._server, self._port = self._server, None, None
        if server is not None:
            server.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= CONNECTIONS_MAX:
                async with asyncio.timeout(TIMEOUT_S):
                    writer.write(await self._answer(reader))
                    await writer.drain()
        except (OSError, ValueError, EOFError, TimeoutError, asyncio.CancelledError):
            # Cancelled by close alone; asyncio's streams would log it as a failure.
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        """Raises ValueError or EOFError on what is no whole request."""
        request = (await reader.readline()).split()
        headers: dict[bytes, bytes] = {}
        size = 0
        while (line := await reader.readline()).strip():
            size += len(line)
            if size > REQUEST_BYTES_MAX:
                raise ValueError("too many headers")
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        if not line:
            raise EOFError
        host = headers.get(b"host", HOST.encode()).decode(errors="replace")
        if host.removesuffix(f":{self._port}").lower() not in _HOSTS:
            return _response("403 Forbidden", f"ask by {HOST}, not by another name\n")
        match request:
            case [b"GET", path, *_] if path.split(b"?")[0] == b"/metrics":
                return _response("200 OK", metrics_text(await self._status()))
            case [b"GET", *_]:
                return _response("404 Not Found", "see /metrics\n")
        return _response("405 Method Not Allowed", "GET /metrics\n")


def _response(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\nConnection: close\r\n"
    raw = body.encode(errors="replace")
    return f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw
