"""The daemon's side of the local API: it reads requests, asks a Service, writes replies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

from meshdht import __version__
from meshdht.api.access import SocketLike, peer_credentials, refusal
from meshdht.api.errors import ApiError
from meshdht.api.listen import listening_socket
from meshdht.api.messages import (
    REQUEST_BYTES_MAX,
    Failure,
    Hello,
    Ping,
    Reply,
    Request,
    Subscribe,
    Welcome,
    decode_request,
    encode_line,
)
from meshdht.api.service import Service, closing
from meshdht.api.version import API_VERSION, check_version

log = logging.getLogger(__name__)

# A local user who opens connections without end would use up the daemon's file descriptors.
CONNECTIONS_MAX = 64
# A connection that says nothing would hold its place for ever.
HELLO_TIMEOUT_S = 10.0
# A subscriber that stopped reading (a terminal under Ctrl-S) is let go; it may come again.
SEND_TIMEOUT_S = 60.0
CLOSE_TIMEOUT_S = 1.0
# So much may wait for a slow reader before the daemon stops producing for it.
SEND_BUFFER_BYTES = 64 * 1024


class ClientGone(Exception):
    """The client closed its end, or does not read what it asked for."""


class ApiServer:
    """Serves ``service`` on a Unix socket at ``path`` between ``start`` and ``close``.

    >>> async with ApiServer(path, service):
    ...     await stopped.wait()
    """

    def __init__(self, path: Path, service: Service) -> None:
        self._path = path
        self._service = service
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; raises SocketInUse or ApiError."""
        listener = listening_socket(self._path)
        self._inode = self._path.lstat().st_ino
        self._server = await asyncio.start_unix_server(
            self._accept, sock=listener, limit=REQUEST_BYTES_MAX
        )

    async def close(self) -> None:
        """End every connection and remove the socket, unless another daemon's lies there now."""
        if self._server is None:
            return
        with contextlib.suppress(FileNotFoundError):
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()
        self._server.close()
        ending = [task for task in self._connections if task is not asyncio.current_task()]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        writer.transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
        channel = _Channel(reader, writer)
        try:
            await self._converse(channel)
        except (ClientGone, asyncio.CancelledError):
            # Cancelled by close alone; asyncio's streams would log it as a failure.
            pass
        except ApiError as error:
            with contextlib.suppress(ClientGone):
                await channel.send(_failure_of(error))
        finally:
            self._connections.discard(task)
            await channel.close()

    async def _converse(self, channel: _Channel) -> None:
        if len(self._connections) > CONNECTIONS_MAX:
            raise ApiError(
                f"the daemon already serves {CONNECTIONS_MAX} clients",
                "close some: meshdht tui, meshdht ping and scripts that keep a connection",
            )
        hello = await _first_line(channel)
        # Only now: a refusal sent before the client has written would be lost with its socket.
        refused = refusal(peer_credentials(channel.socket))
        if refused is not None:
            raise refused
        await _greet(channel, hello)
        while (line := await channel.receive()) is not None:
            await self._answer(decode_request(line), channel)

    async def _answer(self, request: Request, channel: _Channel) -> None:
        match request:
            case Ping() | Subscribe():
                await _stream(channel, self._service.stream(request))
            case Hello():
                raise ApiError("a connection is greeted once", exit_code=2)
            case _:
                try:
                    reply = await self._service.answer(request)
                except Exception as error:
                    reply = _failure_of(error)
                await channel.send(reply)


async def _first_line(channel: _Channel) -> bytes:
    try:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            line = await channel.receive()
    except TimeoutError:
        raise ClientGone from None
    if line is None:
        raise ClientGone
    return line


async def _greet(channel: _Channel, line: bytes) -> None:
    hello = decode_request(line)
    if not isinstance(hello, Hello):
        raise ApiError("a client must say hello first", exit_code=2)
    check_version(hello.version, "client")
    await channel.send(Welcome(version=API_VERSION, daemon=__version__))


async def _stream(channel: _Channel, replies: AsyncIterator[Reply]) -> None:
    """Send replies as they come, until they end or the client does."""
    is_gone = False
    try:
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(channel.hung_up())
            try:
                async with closing(replies):
                    async for reply in replies:
                        await channel.send(reply)
            except ClientGone:
                raise
            except Exception as error:
                await channel.send(_failure_of(error))
            watcher.cancel()
    except* ClientGone:
        is_gone = True
    if is_gone:  # raised up there it would be in a group, on Debian 12 (Python before 3.11.4)
        raise ClientGone


def _failure_of(error: Exception) -> Failure:
    """An error made for the user keeps its words; any other is the daemon's own fault."""
    message = getattr(error, "message", None)
    if isinstance(message, str):
        return Failure(
            message=message,
            hint=str(getattr(error, "hint", "")),
            exit_code=int(getattr(error, "exit_code", 1)),
        )
    log.error("a request failed", exc_info=error)
    return Failure(
        message=f"the daemon failed inside: {type(error).__name__}: {error}",
        hint="its log has the details: daemon.log in the network's state directory",
    )


class _Channel:
    """Lines in, lines out, each way bounded."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unwritten = bytearray()
        self.socket: SocketLike = writer.get_extra_info("socket")

    async def receive(self) -> bytes | None:
        """The next line, or None at the end; raises ApiError on one that is too long."""
        try:
            line = await self._reader.readline()
        except ValueError:
            raise ApiError(
                f"a request may have {REQUEST_BYTES_MAX} bytes at most", exit_code=2
            ) from None
        except ConnectionError:
            raise ClientGone from None
        return line if line.endswith(b"\n") else None

    async def send(self, reply: Reply) -> None:
        """What is sent without a wait between, as the events of one look are, is one write: each
        wakes the client."""
        if not self._unwritten:
            asyncio.get_running_loop().call_soon(self._write)
        self._unwritten += encode_line(reply)
        if len(self._unwritten) >= SEND_BUFFER_BYTES:
            self._write()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._writer.drain()
        except (ConnectionError, TimeoutError):
            raise ClientGone from None

    def _write(self) -> None:
        if self._unwritten:
            self._writer.write(bytes(self._unwritten))
            self._unwritten.clear()

    async def hung_up(self) -> None:
        """Wait until the client ends, or speaks where it should listen; raises ClientGone."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read(1)
        raise ClientGone

    async def close(self) -> None:
        """Send what waits, but not for ever: a client that does not read is cut off."""
        self._write()
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._writer.wait_closed()
        except (ConnectionError, TimeoutError):
            self._writer.transport.abort()
