"""Opens a stream (wire/stream.py) to a machine that serves them, if need be by an HTTP proxy."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
from dataclasses import dataclass, field

from meshdht.clock import Entropy
from meshdht.crypto.keys import PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed
from meshdht.limits import PROXY_ANSWER_MAX
from meshdht.net.certificate import client_context
from meshdht.net.stream import CHUNK, close
from meshdht.wire.packet import draw_nonce
from meshdht.wire.stream import (
    GREETING_HEADER,
    GREETING_SIZE,
    HEADER_SIZE,
    MAIN_PORT,
    check_answer,
    frame,
    greet,
)

CONNECT_TIMEOUT_S = 8.0


class StreamFailed(Exception):
    """No stream came up; says why, in a user's words."""


class Impostor(StreamFailed):
    """Somebody answers, and it is no machine of the mesh."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that lets CONNECT through."""

    host: str
    port: int
    credentials: str = field(default="", repr=False)
    """``user:password``, or empty."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that has been greeted by both."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def open_stream(
    to: Endpoint, key: PacketKey, entropy: Entropy, proxy: Proxy | None = None
) -> Stream:
    """Connect, encrypt and greet; raises StreamFailed."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            return await _open(to, key, entropy, proxy)
    except TimeoutError:
        raise StreamFailed("no answer") from None
    except ssl.SSLError:
        raise Impostor("who answers there speaks no TLS") from None
    except asyncio.IncompleteReadError:
        raise StreamFailed("the connection was closed") from None
    except OSError as error:
        words = os.strerror(error.errno) if error.errno else "no connection"
        raise StreamFailed(words.lower()) from None


async def _open(to: Endpoint, key: PacketKey, entropy: Entropy, proxy: Proxy | None) -> Stream:
    context = client_context()
    if proxy is None:
        reader, writer = await asyncio.open_connection(*to, ssl=context, limit=CHUNK)
    else:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port, limit=CHUNK)
    try:
        if proxy is not None:
            await _ask_proxy(reader, writer, to, proxy)
            await writer.start_tls(context)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        nonce = draw_nonce(entropy)
        writer.write(frame(MAIN_PORT, greet(key, nonce)))
        header = await reader.readexactly(HEADER_SIZE)
        if header != GREETING_HEADER:
            raise Impostor("who answers there is none of ours")
        check_answer(key, await reader.readexactly(GREETING_SIZE), nonce)
    except OpenFailed:
        await close(writer)
        raise Impostor("who answers there is none of ours") from None
    except BaseException:
        await close(writer)
        raise
    return Stream(reader, writer)


async def _ask_proxy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: Endpoint, proxy: Proxy
) -> None:
    """RFC 9110, section 9.3.6."""
    lines = [f"CONNECT {to} HTTP/1.1", f"Host: {to}"]
    if proxy.credentials:
        token = base64.b64encode(proxy.credentials.encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {token}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    # By single lines, so that nothing of the stream itself is taken away.
    while not answer.endswith(b"\r\n\r\n"):
        try:
            line = await reader.readline()
        except ValueError:
            line = b""
        answer += line
        if not line or len(answer) > PROXY_ANSWER_MAX:
            raise StreamFailed("the proxy gives no sensible answer")
    words = answer.split(b"\r\n", 1)[0].split(b" ", 2)
    status = words[1] if len(words) > 1 and words[0].startswith(b"HTTP/1.") else b""
    if status != b"200":
        code = status.decode("ascii", "replace")[:3]
        asks = " (it wants a user and password)" if status == b"407" else ""
        raise StreamFailed(f"the proxy refused: {code or 'no HTTP'}{asks}")
