"""An asyncio client for the stream of events, for programs that stay open."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from pathlib import Path

from meshdht import __version__
from meshdht.api.errors import ApiError, Disconnected, connect_error, path_too_long
from meshdht.api.messages import (
    REPLY_BYTES_MAX,
    Event,
    EventReply,
    Failure,
    Hello,
    Reply,
    Subscribe,
    UnknownEvent,
    Welcome,
    decode_reply,
    encode_line,
)
from meshdht.api.version import API_VERSION, check_version


async def subscribe(path: Path) -> AsyncGenerator[Event, None]:
    """Yield the daemon's events, the first a Snapshot, until it ends.

    Raises NoDaemon, NoPermission or another ApiError when there is nothing to subscribe to, and
    Disconnected when the daemon goes away. Close the generator to unsubscribe.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(os.fspath(path), limit=REPLY_BYTES_MAX)
    except OSError as error:
        if error.errno is None:
            raise path_too_long(path) from None
        raise connect_error(path, error) from None
    try:
        hello = Hello(version=API_VERSION, client=f"subscriber {__version__}")
        writer.write(encode_line(hello) + encode_line(Subscribe()))
        welcome = await _receive(reader)
        if not isinstance(welcome, Welcome):
            raise ApiError(f"the daemon greeted with {type(welcome).__name__}")
        check_version(welcome.version, "daemon")
        while True:
            reply = await _receive(reader)
            if isinstance(reply, EventReply):
                yield reply.event
            elif not isinstance(reply, UnknownEvent):
                raise Disconnected("the daemon ended the stream of events")
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


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
