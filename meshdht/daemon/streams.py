"""A stream to a machine of the mesh, for as long as UDP gets nowhere.

Looks now and then whether the device is cut off; if so it tries those who may serve streams, a few
at once, and keeps the first that greets. One that had a stream when it stopped begins with the
same server at its start, while UDP is tried. Its legs make the machine at the other end one that is
reached like any other, and by its relay ports everybody else. Once a path over UDP stands, the
stream is let go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from types import TracebackType
from typing import Protocol, Self

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import PacketKey
from meshdht.endpoint import Endpoint
from meshdht.net.stream import ClientSide, Junction, close
from meshdht.net.stream_client import Impostor, Proxy, Stream, StreamFailed, open_stream
from meshdht.paths.candidate import PathKind
from meshdht.paths.legs import OpenPort
from meshdht.wire.stream import MAIN_PORT, FrameReader

log = logging.getLogger(__name__)

LOOK_S = 0.1
# Of those that may serve, one is tried after the other, so long apart. Where there are few, they
# are tried again meanwhile: TCP repeats a lost SYN after a second only.
STAGGER_S = 0.3
ATTEMPTS_MIN = 3
# Who served us last is there at once, or we are elsewhere.
RESUME_WITHIN_S = 1.5
# Pauses while all are in vain; the last one repeats.
PAUSES_S = (2.0, 5.0, 15.0, 60.0, 300.0)
# A path over UDP that comes up is to prove itself before the stream goes.
SETTLED_S = 20.0
# The same where nobody has found yet that UDP is blocked.
DOUBTED_S = 3.0


class StreamUser(Protocol):
    """Who may be cut off: a joiner, then its node."""

    def finds_cut_off(self) -> bool:
        """Called again and again."""

    def has_way(self) -> bool:
        """Whether it gets along over UDP."""

    def packet_key(self) -> PacketKey: ...

    def servers(self) -> Sequence[Endpoint]: ...

    def leg_opened(
        self,
        leg: Endpoint,
        kind: PathKind,
        open_port: OpenPort | None = None,
        stream: Endpoint | None = None,
    ) -> None: ...

    def leg_closed(self, leg: Endpoint) -> None: ...

    def ask_to_enter(self, endpoint: Endpoint) -> None:
        """A machine of the mesh answers here."""


class StreamClient:
    """``own_port``: this device's UDP port; ``last``: who served it when it stopped, and under
    which key to greet. Runs as a context; ``serve`` says for whom."""

    def __init__(
        self,
        own_port: int,
        clock: Clock,
        entropy: Entropy,
        proxy: Proxy | None = None,
        last: Endpoint | None = None,
        key: PacketKey | None = None,
    ) -> None:
        self._own_port = own_port
        self._clock = clock
        self._entropy = entropy
        self._proxy = proxy
        self._last = (last, key) if last is not None and key is not None else None
        self._user: StreamUser | None = None
        self._served = asyncio.Event()
        self._legs: dict[int, Endpoint] = {}
        """Those that are open, by port of the server."""
        self._local: ClientSide | None = None
        self._failures = 0
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None
        self._tasks = asyncio.TaskGroup()
        self.server: Endpoint | None = None
        """To whom the stream leads that is open."""
        self.trouble = ""
        """Why there was none the last time that one was wanted."""
        self.impostors: tuple[Endpoint, ...] = ()
        """Where others than machines of the mesh answered then."""

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._task = self._tasks.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        # What ends the body is its own, and in no group.
        await self._tasks.__aexit__(None, None, None)

    def serve(self, user: StreamUser) -> None:
        """From now on for this one; what is open stays open for it."""
        self._user = user
        self._served.set()
        self._failures, self._due = 0, 0.0
        for port, leg in self._legs.items():
            self._announce(port, leg)

    def look_again(self) -> None:
        """Somebody wants to know how things are now."""
        self._due = 0.0

    async def _run(self) -> None:
        if self._last is not None:
            await self._resume(*self._last)
        while True:
            await asyncio.sleep(LOOK_S)
            user = self._user
            if user is None or self._clock.monotonic() < self._due or not user.finds_cut_off():
                continue
            stream = await self._find(user)
            if stream is None:
                pause = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
                self._due = self._clock.monotonic() + pause * self._entropy.uniform(0.9, 1.1)
                self._failures += 1
                continue
            self._failures, self.trouble = 0, ""
            log.info("UDP gets nowhere: by a stream to %s", self.server)
            await self._use(stream, SETTLED_S)
            self._ended()

    async def _resume(self, server: Endpoint, key: PacketKey) -> None:
        """UDP got nowhere when this device stopped: it is not waited for. Where it works now, the
        stream is let go like any other."""
        try:
            async with asyncio.timeout(RESUME_WITHIN_S):
                stream = await self._open([server], key, {})
        except TimeoutError:
            return
        if stream is not None:
            await self._served.wait()
            log.info("by a stream to %s, as before, until UDP works", self.server)
            await self._use(stream, DOUBTED_S)
            self._ended()

    def _ended(self) -> None:
        log.info("the stream to %s has ended", self.server)
        self.server = None

    async def _find(self, user: StreamUser) -> Stream | None:
        """The first that greets, of those that may serve."""
        servers = user.servers()
        failures: dict[Endpoint, StreamFailed] = {}
        stream = await self._open(servers, user.packet_key(), failures) if servers else None
        is_in_vain = failures and stream is None
        self.impostors = tuple(
            to for to, why in failures.items() if is_in_vain and isinstance(why, Impostor)
        )
        if is_in_vain:
            told = ", ".join(f"{to}: {why}" for to, why in failures.items())
            self._tell(f"no stream over TCP either ({told})")
        return stream

    async def _open(
        self, servers: Sequence[Endpoint], key: PacketKey, failures: dict[Endpoint, StreamFailed]
    ) -> Stream | None:
        """A stream to one of these, which is ``server`` then; or why there is none."""

        async def attempt(number: int, to: Endpoint) -> tuple[Endpoint, Stream] | None:
            await asyncio.sleep(number * STAGGER_S)
            try:
                return to, await open_stream(to, key, self._entropy, self._proxy)
            except StreamFailed as failure:
                failures[to] = failure
                return None

        tried = islice(cycle(servers), max(len(servers), ATTEMPTS_MIN))
        async with asyncio.TaskGroup() as tasks:
            attempts = [tasks.create_task(attempt(*each)) for each in enumerate(tried)]
            found = await _first(attempts)
        if found is None:
            return None
        self.server, stream = found
        return stream

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            log.warning("UDP gets nowhere, and %s", trouble)

    async def _use(self, stream: Stream, settled_s: float) -> None:
        """Pass datagrams on until the stream ends, or a path over UDP has stood for so long."""
        self._local = ClientSide(self._own_port, self._opened)
        junction = Junction(stream.reader, stream.writer, FrameReader(), self._local)
        try:
            async with asyncio.TaskGroup() as tasks:
                passing = tasks.create_task(junction.run())
                watching = tasks.create_task(self._until_needless(settled_s))
                await asyncio.wait([passing, watching], return_when=asyncio.FIRST_COMPLETED)
                passing.cancel()
                watching.cancel()
        finally:
            for leg in self._legs.values():
                if self._user is not None:
                    self._user.leg_closed(leg)
            self._legs.clear()
            self._local = None

    async def _until_needless(self, settled_s: float) -> None:
        since = self._clock.monotonic()
        while self._clock.monotonic() - since < settled_s:
            await asyncio.sleep(LOOK_S)
            if self._user is None or not self._user.has_way():
                since = self._clock.monotonic()

    def _opened(self, port: int, leg: Endpoint) -> None:
        self._legs[port] = leg
        self._announce(port, leg)

    def _announce(self, port: int, leg: Endpoint) -> None:
        if self._user is None:
            return
        if port == MAIN_PORT:
            open_port = self._local.open if self._local is not None else None
            self._user.leg_opened(leg, PathKind.DIRECT, open_port, self.server)
            self._user.ask_to_enter(leg)
        else:
            self._user.leg_opened(leg, PathKind.RELAY, stream=self.server)


async def _first(
    attempts: Iterable[asyncio.Task[tuple[Endpoint, Stream] | None]],
) -> tuple[Endpoint, Stream] | None:
    """What the first that succeeds found; the others are given up."""
    pending, found = set(attempts), None
    while pending and found is None:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for result in filter(None, (each.result() for each in done)):
            if found is None:
                found = result
            else:
                await close(result[1].writer)
    for task in pending:
        task.cancel()
    return found
