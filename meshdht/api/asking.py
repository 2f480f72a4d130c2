"""An asyncio client, for programs that stay open: one request a connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from meshdht import __version__
from meshdht.api.errors import ApiError, Disconnected, connect_error, path_too_long
from meshdht.api.messages import (
    REPLY_BYTES_MAX,
    Done,
    Failure,
    Hello,
    Ping,
    Pong,
    PongReply,
    Reply,
    Request,
    Single,
    UnknownEvent,
    Welcome,
    decode_reply,
    encode_line,
)
from meshdht.api.version import API_VERSION, check_version

# What takes the daemon longest is to prove all paths, and to ask the network around it.
ANSWER_TIMEOUT_S = 15.0

R = TypeVar("R", bound=Reply)


async def ask(
    path: Path, request: Single, kind: type[R], *, timeout_s: float = ANSWER_TIMEOUT_S
) -> R:
    """The daemon's one reply to a request; raises ApiError where there is none, or another."""
    try:
        async with asyncio.timeout(timeout_s), asked(path, request) as replies:
            reply = await anext(replies)
    except TimeoutError:
        raise ApiError(
            f"the daemon did not answer within {timeout_s:.0f} s",
            "see its log; restart it: meshdht down, then meshdht up",
        ) from None
    if not isinstance(reply, kind):
        raise ApiError(f"the daemon answered with {type(reply).__name__}, not {kind.__name__}")
    return reply


async def pings(path: Path, request: Ping) -> AsyncGenerator[Pong, None]:
    """Each pong as it comes. Close the generator to end early."""
    async with asked(path, request) as replies:
        async for reply in replies:
            if isinstance(reply, Done):
                return
            if isinstance(reply, PongReply):
                yield reply.pong


@asynccontextmanager
async def asked(
    path: Path, request: Request
) -> AsyncIterator[AsyncGenerator[Reply | UnknownEvent, None]]:
    """A connection with a request under way: the replies without end, until it is left.

    Raises NoDaemon, NoPermission or another ApiError when there is nobody to ask; the replies
    raise what the daemon says is wrong, and Disconnected when it goes away.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(os.fspath(path), limit=REPLY_BYTES_MAX)
    except OSError as error:
        if error.errno is None:
            raise path_too_long(path) from None
        raise connect_error(path, error) from None
    try:
        hello = Hello(version=API_VERSION, client=f"asyncio {__version__}")
        writer.write(encode_line(hello) + encode_line(request))
        welcome = await _receive(reader)
        if not isinstance(welcome, Welcome):
            raise ApiError(f"the daemon greeted with {type(welcome).__name__}")
        check_version(welcome.version, "daemon")
        async with contextlib.aclosing(_replies(reader)) as replies:
            yield replies
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _replies(reader: asyncio.StreamReader) -> AsyncGenerator[Reply | UnknownEvent, None]:
    while True:
        yield await _receive(reader)


async def _receive(reader: asyncio.StreamReader) -> Reply | UnknownEvent:
    try:
        line = await reader.readline()
    except ConnectionError:
        line = b""
    except ValueError:
        raise ApiError(f"the daemon sent a line of over {REPLY_BYTES_MAX} bytes") from None
    if not line.endswith(b"\n"):
        raise Disconnected("the daemon closed the connection")
    reply = decode_reply(line)
    if isinstance(reply, Failure):
        raise ApiError(reply.message, reply.hint, reply.exit_code)
    return reply
