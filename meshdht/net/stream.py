"""Passes datagrams between a stream (wire/stream.py) and UDP sockets on loopback, both ways.

    our port ── 127.0.0.1:q ══ stream ══ 127.0.0.1:r ── the serving machine's port
                client                      server

So each side's port, and whoever reads it, sees ordinary datagrams of an ordinary endpoint. The
server has one socket for all ports of its machine, so that a client has one address there; the
client has one for each port at the server that is spoken to, so that each is an endpoint of its
own here. What the stream cannot take now is dropped: datagrams may be lost, and must not be late.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from meshdht.datagrams import MARKED, TRAIN_SIZE_MAX, DatagramSocket, segments_of
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.errors import Malformed
from meshdht.limits import STREAM_BACKLOG, STREAM_PORTS_MAX
from meshdht.wire.stream import MAIN_PORT, FrameReader, frames_of

CHUNK = 256 * 1024
# Trains taken from one socket before the loop may turn to something else.
_BATCH = 16

OnTrain = Callable[[int, memoryview, int], None]
"""on_train(port at the serving machine, datagrams in a row, bytes of each but perhaps the last)"""


class LocalSide(Protocol):
    """The sockets of one side. ``begin`` hands it whom to give what they receive."""

    def begin(self, on_train: OnTrain) -> None: ...

    def deliver(self, port: int, datagrams: Sequence[memoryview]) -> None:
        """Send datagrams of one size, the last perhaps smaller, that belong to a port."""

    def close(self) -> None: ...


class _Socket:
    """A UDP socket on loopback, read on the running loop. ``on_marked(n)``: so many were dropped
    because a router had marked them."""

    def __init__(
        self,
        on_train: Callable[[memoryview, int, Endpoint], None],
        on_marked: Callable[[int], None],
    ) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * CHUNK)
        sock.bind((LOOPBACK, 0))
        self.endpoint = Endpoint(LOOPBACK, sock.getsockname()[1])
        self._datagrams = DatagramSocket(sock)
        self._datagrams.heed_marks()
        self._buffer = memoryview(bytearray(65536))
        self._on_train = on_train
        self._on_marked = on_marked
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._read)

    def _read(self) -> None:
        for _ in range(_BATCH):
            try:
                received = self._datagrams.receive_into(self._buffer)
            except OSError:
                # An ICMP message: nobody listens on a port just now.
                continue
            if received is None:
                return
            size, each, source, field = received
            if size and field == MARKED:
                # Frames carry no marks. Who sent it hears of the full queue by the loss.
                self._on_marked(-(-size // each))
            elif size:
                self._on_train(self._buffer[:size], each, source)

    def send(self, datagrams: Sequence[memoryview], port: int) -> None:
        with contextlib.suppress(OSError):
            self._datagrams.send(datagrams, len(datagrams[0]), Endpoint(LOOPBACK, port))

    def close(self) -> None:
        if self._datagrams.fileno() >= 0:
            self._loop.remove_reader(self._datagrams.fileno())
            self._datagrams.close()


def _count_marked(counters: Counter[str], datagrams: int) -> None:
    counters["marked"] += datagrams


class ServerSide:
    """One socket for all ports of this machine that a stream may reach: ``own_port``, which the
    client calls MAIN_PORT, and those that ``is_open`` says."""

    def __init__(self, own_port: int, is_open: Callable[[int], bool]) -> None:
        self._own_port = own_port
        self._is_open = is_open
        self.counters: Counter[str] = Counter()
        self._socket = _Socket(self._received, partial(_count_marked, self.counters))
        self._on_train: OnTrain | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Where our port sees the client."""
        return self._socket.endpoint

    def begin(self, on_train: OnTrain) -> None:
        self._on_train = on_train

    def deliver(self, port: int, datagrams: Sequence[memoryview]) -> None:
        if port == MAIN_PORT:
            self._socket.send(datagrams, self._own_port)
        elif port != self._own_port and self._is_open(port):
            self._socket.send(datagrams, port)
        else:
            self.counters["closed port"] += len(datagrams)

    def _received(self, train: memoryview, each: int, source: Endpoint) -> None:
        if source.host != LOOPBACK or self._on_train is None:
            return
        if source.port == self._own_port:
            self._on_train(MAIN_PORT, train, each)
        elif self._is_open(source.port):
            self._on_train(source.port, train, each)

    def close(self) -> None:
        self._socket.close()


class ClientSide:
    """A socket for each port at the server; ``on_opened`` hears of each, and where it is."""

    def __init__(self, own_port: int, on_opened: Callable[[int, Endpoint], None]) -> None:
        self._own_port = own_port
        self._on_opened = on_opened
        self._sockets: dict[int, _Socket] = {}
        self._on_train: OnTrain | None = None
        self.counters: Counter[str] = Counter()

    def begin(self, on_train: OnTrain) -> None:
        self._on_train = on_train
        self._open(MAIN_PORT)

    def deliver(self, port: int, datagrams: Sequence[memoryview]) -> None:
        if self.open(port) is None:
            self.counters["too many ports"] += len(datagrams)
            return
        self._sockets[port].send(datagrams, self._own_port)

    def open(self, port: int) -> Endpoint | None:
        """Where a port of the server is found here; None if there are too many already."""
        sock = self._sockets.get(port)
        if sock is None and self._on_train is not None and len(self._sockets) < STREAM_PORTS_MAX:
            sock = self._open(port)
        return sock.endpoint if sock is not None else None

    def _open(self, port: int) -> _Socket:
        def received(train: memoryview, each: int, source: Endpoint) -> None:
            # From our own port, and nobody else on this machine.
            if source == Endpoint(LOOPBACK, self._own_port) and self._on_train is not None:
                self._on_train(port, train, each)

        sock = self._sockets[port] = _Socket(received, partial(_count_marked, self.counters))
        self._on_opened(port, sock.endpoint)
        return sock

    def close(self) -> None:
        self._on_train = None
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()


class Junction:
    """Joins a stream, greeted already, with one side's sockets."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        frames: FrameReader,
        local: LocalSide,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = frames
        self._local = local
        self.dropped = 0
        """Datagrams that the stream could not take in time."""

    async def run(self, first: Iterable[tuple[int, memoryview]] = ()) -> None:
        """Pass datagrams on until the stream ends, however it does; ``first``: frames that came
        with the greeting."""
        try:
            self._local.begin(self._outward)
            self._inward(first)
            while data := await self._reader.read(CHUNK):
                self._inward(self._frames.feed(data))
        except (OSError, ssl.SSLError, Malformed, asyncio.IncompleteReadError):
            return
        finally:
            self._local.close()
            await close(self._writer)

    def _inward(self, frames: Iterable[tuple[int, memoryview]]) -> None:
        """Deliver what came by the stream, in trains of what belongs together."""
        train: list[memoryview] = []
        train_port, room = MAIN_PORT, 0
        for port, datagram in frames:
            joins = train and port == train_port and room and len(datagram) <= len(train[0])
            if not joins:
                if train:
                    self._local.deliver(train_port, train)
                train, train_port = [], port
                room = segments_of(min(len(datagram), TRAIN_SIZE_MAX))
            train.append(datagram)
            # A smaller one is the last of its train.
            room = room - 1 if len(datagram) == len(train[0]) else 0
        if train:
            self._local.deliver(train_port, train)

    def _outward(self, port: int, train: memoryview, each: int) -> None:
        if self._writer.transport.get_write_buffer_size() > STREAM_BACKLOG:
            self.dropped += -(-len(train) // each)
        elif not self._writer.is_closing():
            self._writer.write(frames_of(port, train, each))


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a stream at once, whatever the other side does."""
    writer.transport.abort()
    with contextlib.suppress(OSError, ssl.SSLError, asyncio.TimeoutError):
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
