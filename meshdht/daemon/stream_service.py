"""Serves streams for as long as this machine offers to relay."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from meshdht.clock import Entropy
from meshdht.crypto.keys import PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import PlatformError
from meshdht.net.stream_server import StreamServer

log = logging.getLogger(__name__)

LOOK_S = 1.0
# Somebody else's web server may go.
RETRY_S = 600.0


class StreamHost(Protocol):
    """A node or an anchor."""

    @property
    def packet_keys(self) -> Sequence[PacketKey]:
        """Under which control packets are let in."""

    def client_came(self, leg: Endpoint, source: Endpoint) -> None:
        """Somebody who comes by a stream, from this TCP endpoint, is seen at the leg."""

    def client_left(self, leg: Endpoint) -> None: ...

    def set_mapped_stream(self, outer: Endpoint | None) -> None:
        """Where a router passes on what comes for that port."""

    def set_stream_port(self, port: int | None) -> None:
        """The TCP port where streams are served; None: nowhere."""


class StreamService:
    """``own_port``: this machine's UDP port; ``tcp_port``: where to listen, 0 for nowhere."""

    def __init__(
        self,
        host: StreamHost,
        own_port: int,
        tcp_port: int,
        entropy: Entropy,
    ) -> None:
        self._host = host
        self._own_port = own_port
        self.tcp_port = tcp_port
        """Where ``run`` listens the next time."""
        self._entropy = entropy
        self._server: StreamServer | None = None
        self._counters: Counter[str] = Counter()
        self.port = 0
        """Where streams are served now; 0: nowhere."""
        self.trouble = ""
        """Why no streams are served, though they should be."""

    @property
    def counters(self) -> Counter[str]:
        """Connections that came to nothing, by reason."""
        return self._counters + (self._server.counters if self._server else Counter[str]())

    @property
    def streams(self) -> int:
        """How many are served now."""
        return self._server.streams if self._server is not None else 0

    def set_mapped(self, outer: Endpoint | None) -> None:
        """Where a router's outside leads to our TCP port."""
        self._host.set_mapped_stream(outer)

    async def run(self, is_offered: Callable[[], bool], is_lent: Callable[[int], bool]) -> None:
        """Listen and stop listening as the offer to relay comes and goes, until cancelled.
        ``is_lent(port)``: whether a UDP port of this machine belongs to an allocation."""
        if not self.tcp_port:
            return
        try:
            while True:
                pause = LOOK_S
                if is_offered() and self._server is None:
                    pause = LOOK_S if await self._start(is_lent) else RETRY_S
                elif not is_offered() and self._server is not None:
                    await self._stop()
                await asyncio.sleep(pause)
        finally:
            await self._stop()

    async def _start(self, is_lent: Callable[[int], bool]) -> bool:
        server = StreamServer(
            self._own_port,
            lambda: self._host.packet_keys,
            is_lent,
            self._entropy,
            self._host.client_came,
            self._host.client_left,
        )
        try:
            port = await server.start(self.tcp_port)
        except PlatformError as error:
            self.trouble = error.message
            log.warning("no relay over TLS: %s (%s)", error.message, error.hint)
            return False
        self._server, self.port, self.trouble = server, port, ""
        self._host.set_stream_port(port)
        log.info("relay over TLS on TCP port %d", port)
        return True

    async def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            self.port = 0
            self._host.set_stream_port(None)
            await server.close()
            self._counters += server.counters
