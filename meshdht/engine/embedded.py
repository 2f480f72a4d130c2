"""The embedded engine: WireGuard of this project between a TUN and a UDP port, in a process of its
own (``worker``), which this is the daemon's side of.

The worker reads the port's sockets as long as it lives, and hands over what is the control
channel's. Should it die, another takes its place, and the daemon reads the port until then.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from meshdht.clock import Clock, SystemClock
from meshdht.crypto.keys import WireGuardPrivateKey, WireGuardPublicKey
from meshdht.datagrams import segments_of
from meshdht.endpoint import Endpoint
from meshdht.engine import channel
from meshdht.engine.backend import (
    AddPeer,
    Initiate,
    Operation,
    PeerConfig,
    PeerStats,
    RemovePeer,
    SetEndpoint,
    UpdatePeer,
)
from meshdht.engine.worker_process import Answer, Spawned, WorkerProcess
from meshdht.errors import PlatformError
from meshdht.wireguard.constants import DEFAULT_MTU, SPECIFICATION, Intervals
from meshdht.wireguard.events import DeviceEvent, EndpointRoamed, HandshakeCompleted
from meshdht.wireguard.messages import OVERHEAD

log = logging.getLogger(__name__)

_SYSTEM = SystemClock()

START_TIMEOUT_S = 20.0

# What a kernel may do for it.
FEATURES = ("TSO", "USO", "UDP GSO", "UDP GRO")


def segments_max(mtu: int) -> int:
    """What a TUN should hand over at most, so that it leaves in one train."""
    return segments_of(mtu + OVERHEAD)


# A worker that dies at once, again and again, shall not cost a core.
_RESTART_S = 0.05
_RESTART_MAX_S = 10.0
# One that lived so long died of something else, and costs little more often than that.
_HEALTHY_S = 10.0


class Tun(Protocol):
    """An open TUN device with virtio-net headers."""

    offloads: tuple[str, ...]

    def fileno(self) -> int: ...


class Port(Protocol):
    """The UDP port that WireGuard and the control channel share."""

    def sockets(self) -> Sequence[socket.socket]: ...

    def start(self) -> None:
        """Read it here."""

    def pause(self) -> None:
        """Read it no more: another process does."""

    def deliver(self, data: bytes, source: Endpoint) -> None:
        """Take what the other process read."""


class EmbeddedEngine:
    """Implements ``Backend``; whoever made the TUN closes it, after ``close``."""

    name = "embedded"

    def __init__(
        self,
        private: WireGuardPrivateKey,
        tun: Tun,
        port: Port,
        *,
        clock: Clock,
        on_event: Callable[[DeviceEvent], None],
        on_tun_lost: Callable[[], None],
        stamps_after: float = 0.0,
        mtu: int = DEFAULT_MTU,
        intervals: Intervals = SPECIFICATION,
        spawned: Spawned | None = None,
    ) -> None:
        """``on_event`` hears of handshakes and roaming; ``on_tun_lost`` hears that the interface
        was deleted, and ``attach`` then takes another one. ``stamps_after``: see ``Device``;
        ``spawned``: the first worker's process; who made it closes it after the engine."""
        self.features: tuple[str, ...] = ()
        """What the kernel does for it, once it has started."""
        self.counters: dict[str, int] = {}
        """What was dropped, by reason, when ``stats`` was last asked; peers that were refused, and
        workers that died."""
        self._private = private
        self._tun = tun
        self._port = port
        self._clock = clock
        self._on_event = on_event
        self._on_tun_lost = on_tun_lost
        self._stamps_after = stamps_after
        self._made_at = clock.monotonic()
        self._mtu = mtu
        self._intervals = intervals
        self._configs: dict[WireGuardPublicKey, PeerConfig] = {}
        self._seen: dict[WireGuardPublicKey, PeerStats] = {}
        """The last statistics, and what of them workers before this one account for."""
        self._earlier: dict[WireGuardPublicKey, PeerStats] = {}
        self._counted_earlier: dict[str, int] = {}
        self._has_warned = False
        self._worker: WorkerProcess | None = None
        self._spawned = spawned
        self._delay = _RESTART_S
        self._restart: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        try:
            worker = self._begin()
            async with asyncio.timeout(START_TIMEOUT_S):
                await worker.started
        except TimeoutError:
            await self.close()
            raise _does_not_start("it does not answer") from None
        except EOFError:
            await self.close()
            raise _does_not_start("it ended at once; the log says more") from None
        except OSError as error:
            raise _does_not_start(f"{sys.executable}: {error.strerror}") from None

    @property
    def worker_pid(self) -> int:
        """Of the process that carries the traffic now; 0 while there is none."""
        return 0 if self._worker is None else self._worker.pid

    @property
    def lacks(self) -> tuple[str, ...]:
        """What the kernel does not do for it, though others would."""
        return tuple(each for each in FEATURES if each not in self.features)

    @property
    def trouble(self) -> str:
        """Why no traffic is carried now, or empty."""
        if self._worker is None or not self._worker.started.done():
            return "the process that carries the traffic has ended; another is being started"
        if self._worker.hangs:
            return f"the process that carries the traffic ({self._worker.pid}) does not answer"
        return ""

    def attach(self, tun: Tun) -> None:
        """Read from and write to this TUN from now on, instead of one that was lost."""
        self._tun = tun
        if self._worker is not None:
            self._worker.send(channel.Attach("USO" in tun.offloads), [tun.fileno()])

    def resize(self, mtu: int) -> None:
        """The tunnel has this MTU from now on: no packet is padded beyond it."""
        self._mtu = mtu
        if self._worker is not None:
            self._worker.send(channel.Resize(mtu))

    async def apply(self, operations: Iterable[Operation]) -> None:
        waiting = list(operations)
        for operation in waiting:
            self._keep(operation)
        for start in range(0, len(waiting), channel.PART):
            await self._operate(waiting[start : start + channel.PART])

    async def peers(self) -> dict[WireGuardPublicKey, PeerConfig]:
        return dict(self._configs)

    async def stats(self) -> dict[WireGuardPublicKey, PeerStats]:
        worker = self._worker
        if worker is not None and worker.answers:
            asked = worker.ask(lambda number: channel.Ask(number, self._offset))
            self._take_stats(await self._answers(asked))
        return dict(self._seen)

    async def close(self) -> None:
        if self._restart is not None:
            self._restart.cancel()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()
            await asyncio.to_thread(worker.end)

    # --- peers

    @property
    def _offset(self) -> float:
        return self._clock.unix() - _SYSTEM.unix()

    def _keep(self, operation: Operation) -> None:
        """Remember what is to be, for ``peers`` and for a worker that takes this one's place."""
        match operation:
            case AddPeer(config) | UpdatePeer(config):
                self._configs[config.public_key] = config
            case RemovePeer(key):
                self._configs.pop(key, None)
                self._seen.pop(key, None)
                self._earlier.pop(key, None)
            case SetEndpoint(key, endpoint):
                if key in self._configs:
                    self._configs[key] = replace(self._configs[key], endpoint=endpoint)
                if key in self._seen:
                    self._seen[key] = replace(self._seen[key], endpoint=endpoint)
            case Initiate():
                pass

    async def _operate(self, operations: list[Operation]) -> None:
        worker = self._worker
        if worker is None:
            return  # the next one begins with what is to be
        if not worker.answers:
            worker.send(channel.operate(0, operations, self._offset))
            return
        asked = worker.ask(lambda number: channel.operate(number, operations, self._offset))
        for answer in await self._answers(asked):
            if isinstance(answer, channel.Operated):
                self._leave_out(answer.refused)

    async def _answers(self, asked: Awaitable[list[Answer]]) -> list[Answer]:
        """None from a worker that ends, or hangs: whatever it answers later is heard then."""
        try:
            return await asked
        except EOFError:
            return []
        except TimeoutError:
            log.warning(self.trouble)
            return []

    def _leave_out(self, refused: list[bytes]) -> None:
        for key in refused:
            self._configs.pop(WireGuardPublicKey(key), None)
            self._count("engine_refused_peers")

    def _count(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1

    def _take_stats(self, parts: Sequence[Answer]) -> None:
        for part in parts:
            if not isinstance(part, channel.Stats):
                continue
            for key, now in channel.peer_stats(part).items():
                if key in self._configs:  # not removed since it was asked
                    before = self._earlier.get(key)
                    self._seen[key] = now if before is None else _sum(before, now)
            for name, count in part.counters.items():
                self.counters[name] = self._counted_earlier.get(name, 0) + count
        if self.counters.get("engine_send_failed") and not self._has_warned:
            self._has_warned = True
            log.warning(
                "the machine does not send all of the tunnel's packets: its queues are full, a"
                " firewall is in the way, or there is no route; the tunnel goes on, and from now on"
                " they are only counted (dropped, in the status)"
            )

    # --- the worker

    def _begin(self) -> WorkerProcess:
        """Start a worker with all that is to be but the peers; raises OSError."""
        if self._tun.fileno() < 0:
            raise OSError(errno.EBADF, "its interface is gone")
        setup = channel.Setup(
            self._private.raw,
            self._mtu,
            # Which may lie ahead of the clock: where the worker before this one dated from it,
            # the next has to go on from there.
            self._stamps_after + self._clock.monotonic() - self._made_at,
            self._intervals,
            "USO" in self._tun.offloads,
            self._offset,
        )
        spawned, self._spawned = self._spawned, None
        worker = self._worker = WorkerProcess(self._hear, self._lose_worker, spawned)
        fds = [self._tun.fileno(), *(sock.fileno() for sock in self._port.sockets())]
        worker.send(setup, fds)
        return worker

    def _begin_again(self) -> None:
        """Start another worker in the place of one that died; sessions have to be made anew."""
        self._restart = None
        try:
            worker = self._begin()
        except OSError as error:
            self._begin_later(f"cannot be started ({error.strerror})")
            return
        operations: list[Operation] = []
        for key, config in self._configs.items():
            seen = self._seen.get(key, PeerStats(None, None, 0, 0))
            operations.append(AddPeer(replace(config, endpoint=seen.endpoint or config.endpoint)))
            if seen.handshake_unix is not None:
                operations.append(Initiate(key))
        for start in range(0, len(operations), channel.PART):
            part = operations[start : start + channel.PART]
            worker.send(channel.operate(0, part, self._offset))

    def _hear(self, message: channel.ToDaemon) -> None:
        match message:
            case channel.Datagram(data, source):
                self._port.deliver(data, Endpoint(*source))
            case channel.Event():
                self._tell(channel.device_event(message))
            case channel.TunLost():
                self._on_tun_lost()
            case channel.Started(features):
                self.features = (*self._tun.offloads, *features)
                self._port.pause()
            case channel.Operated(_, refused):
                self._leave_out(refused)
            case channel.Stats():
                self._take_stats([message])

    def _tell(self, event: DeviceEvent) -> None:
        is_kept = event.peer in self._configs  # not removed while this was said
        if is_kept and isinstance(event, EndpointRoamed | HandshakeCompleted):
            # Where a worker that takes this one's place begins.
            seen = self._seen.get(event.peer, PeerStats(None, None, 0, 0))
            at = event.unix if isinstance(event, HandshakeCompleted) else seen.handshake_unix
            self._seen[event.peer] = replace(seen, endpoint=event.endpoint, handshake_unix=at)
        self._on_event(event)

    def _lose_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._port.start()
        status = worker.end()
        self._count("engine_worker_restarts")
        self._earlier = dict(self._seen)
        self._counted_earlier = dict(self.counters)
        if worker.lived_s() >= _HEALTHY_S:
            self._delay = _RESTART_S
        self._begin_later(f"ended ({status})")

    def _begin_later(self, why: str) -> None:
        log.warning("the process that carries the traffic %s; starting another", why)
        loop = asyncio.get_running_loop()
        self._restart = loop.call_later(self._delay, self._begin_again)
        self._delay = min(2 * self._delay, _RESTART_MAX_S)


def _does_not_start(why: str) -> PlatformError:
    return PlatformError("the process that carries the traffic does not start", why)


def _sum(before: PeerStats, now: PeerStats) -> PeerStats:
    return PeerStats(
        now.endpoint,
        before.handshake_unix if now.handshake_unix is None else now.handshake_unix,
        before.rx_bytes + now.rx_bytes,
        before.tx_bytes + now.tx_bytes,
    )
