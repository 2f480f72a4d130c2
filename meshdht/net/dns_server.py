"""Sockets of a DNS server at one address, UDP and TCP, for programs of this machine alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import cast

from meshdht.errors import PlatformError
from meshdht.limits import NAME_QUERY_SIZE, NAME_STREAMS

# How long a connection may be silent (RFC 7766, section 6.2.3: a few seconds).
IDLE_S = 10.0
# A free port must be free for UDP and TCP.
_TRIES = 16

Answer = Callable[[bytes, bool], bytes | None]


class DnsServer:
    """``answer(query, by_stream)`` has the words, or None to say nothing."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._host = ""
        self._datagrams: asyncio.DatagramTransport | None = None
        self._streams: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        """0 while closed."""
        self.counters: Counter[str] = Counter()
        """Queries that were not answered, by reason."""

    async def open(self, host: str, ports: Sequence[int]) -> None:
        """Listen at the first port that is free; 0 is any. Raises PlatformError."""
        self._host = host
        trouble: OSError | None = None
        for port in (each for asked in ports for each in [asked] * (1 if asked else _TRIES)):
            try:
                await self._listen(port)
            except OSError as error:
                trouble = error
                await self.close()
            else:
                return
        reason = (trouble.strerror or trouble) if trouble else "no port"
        raise PlatformError(f"cannot listen on {host} port {ports[0]}: {reason}")

    async def _listen(self, port: int) -> None:
        self._streams = await asyncio.start_server(
            self._accepted, self._host, port, limit=NAME_QUERY_SIZE
        )
        port = self._streams.sockets[0].getsockname()[1]
        self._datagrams, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self), (self._host, port)
        )
        self.port = port

    async def close(self) -> None:
        """Closing again is harmless."""
        self.port = 0
        if self._datagrams is not None:
            self._datagrams.abort()
            self._datagrams = None
        for writer in self._writers:
            writer.transport.abort()
        if self._streams is not None:
            self._streams.close()
            self._streams = None

    def datagram_received(self, query: bytes, source: str) -> bytes | None:
        """What to send back."""
        if not self._is_ours(source):
            return None
        return self._answer(query, False)

    def _is_ours(self, host: str) -> bool:
        """A mesh address is reached by the peers too, who have servers of their own."""
        if host == self._host or ip_address(host.partition("%")[0]).is_loopback:
            return True
        self.counters["other_machine"] += 1
        return False

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername") or ("0.0.0.0", 0)
        if not self._is_ours(str(peer[0])) or len(self._writers) >= NAME_STREAMS:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            # Who hangs up, is too slow, or says what cannot be read: all the same to us.
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one query; False if the connection is to end."""
        async with asyncio.timeout(IDLE_S):
            size = int.from_bytes(await reader.readexactly(2), "big")
            if size > NAME_QUERY_SIZE:
                self.counters["too_large"] += 1
                return False
            told = self._answer(await reader.readexactly(size), True)
            if told is None:
                return False
            writer.write(len(told).to_bytes(2, "big") + told)
            await writer.drain()
        return True


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own are none of that class.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        told = self._server.datagram_received(data, addr[0])
        if told is not None and self._transport is not None:
            self._transport.sendto(told, addr)
