"""The embedded engine: the WireGuard device of this project between a TUN and a UDP port.

Everything happens in callbacks of the asyncio loop: one reader on the TUN, one timer, and
``handle_wireguard`` for what the UDP port hands over. The pump below is all that workers in
other processes would have to replace; who uses the engine sees ``Backend`` alone.
"""

from __future__ import annotations

import asyncio
import errno
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
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
from meshdht.errors import RemoteError
from meshdht.wireguard.constants import DEFAULT_MTU, SPECIFICATION, Intervals
from meshdht.wireguard.counters import Counters
from meshdht.wireguard.device import Device
from meshdht.wireguard.events import DeviceEvent

# Packets taken from the TUN before the loop may turn to something else.
_BATCH = 64

# What the kernel says once a TUN interface was deleted under its file descriptor.
_GONE = frozenset({errno.EBADFD, errno.EBADF, errno.ENODEV, errno.ENXIO})


class TunDevice(Protocol):
    """The part of a TUN device that the engine uses; both verbs raise OSError."""

    def fileno(self) -> int: ...

    def read(self) -> bytes | None:
        """One IP packet, or None if there is none now."""

    def write(self, packet: bytes) -> None: ...


@dataclass(slots=True)
class EngineCounters:
    """What the engine dropped, by reason; the device has counters of its own."""

    tun_write_failed: int = 0
    """Packets that the kernel did not take: the interface down, no memory, not IP."""
    tun_read_failed: int = 0
    """Reads that failed for another reason than that there is no packet."""
    tun_lost: int = 0
    """Times that the TUN vanished."""
    refused_peers: int = 0
    """Peers beyond the cap, or with an unusable key."""


def _ignore_event(event: DeviceEvent) -> None:
    return None


def _ignore_loss() -> None:
    return None


class EmbeddedEngine:
    """Implements ``Backend``; whoever made the TUN closes it, after ``close``."""

    name = "embedded"

    def __init__(
        self,
        private: WireGuardPrivateKey,
        tun: TunDevice,
        send: Callable[[bytes, Endpoint], None],
        *,
        clock: Clock,
        stamps_after: float = 0.0,
        entropy: Entropy,
        on_event: Callable[[DeviceEvent], None] = _ignore_event,
        on_tun_lost: Callable[[], None] = _ignore_loss,
        mtu: int = DEFAULT_MTU,
        intervals: Intervals = SPECIFICATION,
    ) -> None:
        """``send`` must not raise. ``on_event`` hears of handshakes and roaming; ``on_tun_lost``
        hears that the interface was deleted, and ``attach`` then takes another one.
        ``stamps_after``: see ``Device``."""
        self.counters = EngineCounters()
        self._device = Device(
            private, entropy, mtu=mtu, intervals=intervals, stamps_after=stamps_after
        )
        self._tun: TunDevice | None = tun
        self._send = send
        self._clock = clock
        self._on_event = on_event
        self._on_tun_lost = on_tun_lost
        self._configs: dict[WireGuardPublicKey, PeerConfig] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    @property
    def device_counters(self) -> Counters:
        """What the WireGuard device dropped in silence."""
        return self._device.counters

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._tun is not None:
            self.attach(self._tun)

    def attach(self, tun: TunDevice) -> None:
        """Read from and write to this TUN from now on, instead of one that was lost."""
        self._detach()
        self._tun = tun
        if self._loop is not None:
            self._loop.add_reader(tun.fileno(), self._read_tun)

    async def apply(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            self._apply(operation)
        self._flush()

    async def peers(self) -> dict[WireGuardPublicKey, PeerConfig]:
        return dict(self._configs)

    async def stats(self) -> dict[WireGuardPublicKey, PeerStats]:
        return {
            peer.public: PeerStats(peer.endpoint, peer.handshake_unix, peer.rx_bytes, peer.tx_bytes)
            for peer in self._device.peers
        }

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._detach()
        self._loop = None

    def handle_wireguard(self, data: bytes, source: Endpoint) -> None:
        """Take a WireGuard datagram from the UDP port. Never raises."""
        if self._loop is not None:
            self._device.handle_datagram(data, source, self._clock.monotonic(), self._clock.unix())
            self._flush()

    # --- operations

    def _apply(self, operation: Operation) -> None:
        now, unix = self._clock.monotonic(), self._clock.unix()
        match operation:
            case AddPeer(config):
                self._set_peer(config, config.endpoint, now)
            case UpdatePeer(config):
                self._set_peer(config, None, now)
            case RemovePeer(public_key):
                self._configs.pop(public_key, None)
                self._device.remove_peer(public_key)
            case SetEndpoint(public_key, endpoint):
                if public_key in self._configs:
                    config = replace(self._configs[public_key], endpoint=endpoint)
                    self._configs[public_key] = config
                    self._device.set_endpoint(public_key, endpoint, now, unix)
            case Initiate(public_key):
                self._device.initiate(public_key, now, unix)

    def _set_peer(self, config: PeerConfig, endpoint: Endpoint | None, now: float) -> None:
        try:
            self._device.add_peer(
                config.public_key,
                psk=config.preshared_key,
                last_psk=config.last_preshared_key,
                allowed_ips=config.allowed_ips,
                endpoint=endpoint,
                keepalive_s=config.keepalive_s,
                now=now,
            )
        except RemoteError:
            self.counters.refused_peers += 1
        else:
            self._configs[config.public_key] = config

    # --- the pump

    def _read_tun(self) -> None:
        tun = self._tun
        if tun is None:
            return
        device = self._device
        now, unix = self._clock.monotonic(), self._clock.unix()
        try:
            for _ in range(_BATCH):
                packet = tun.read()
                if packet is None:
                    break
                device.handle_packet(packet, now, unix)
        except OSError as error:
            self.counters.tun_read_failed += 1
            self._tun_failed(error)
        self._flush()

    def _flush(self) -> None:
        """Pass on all that the device has for others, and watch its next deadline."""
        device = self._device
        while (transmit := device.poll_transmit()) is not None:
            self._send(*transmit)
        while (packet := device.poll_packet()) is not None:
            self._write_tun(packet)
        while (event := device.poll_event()) is not None:
            self._on_event(event)
        deadline = device.next_timeout()
        if deadline is not None and deadline < self._timer_at:
            self._watch(deadline)

    def _write_tun(self, packet: bytes) -> None:
        if self._tun is None:
            self.counters.tun_write_failed += 1
            return
        try:
            self._tun.write(packet)
        except OSError as error:
            self.counters.tun_write_failed += 1
            self._tun_failed(error)

    def _tun_failed(self, error: OSError) -> None:
        """A vanished TUN is reported once; its descriptor would else keep the loop spinning."""
        if error.errno in _GONE and self._tun is not None:
            self._detach()
            self.counters.tun_lost += 1
            self._on_tun_lost()

    def _detach(self) -> None:
        if self._tun is not None and self._loop is not None:
            self._loop.remove_reader(self._tun.fileno())
        self._tun = None

    def _watch(self, deadline: float) -> None:
        if self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        delay = max(0.0, deadline - self._clock.monotonic())
        self._timer = self._loop.call_later(delay, self._time_out)

    def _time_out(self) -> None:
        self._timer = None
        self._timer_at = math.inf
        self._device.handle_timeout(self._clock.monotonic(), self._clock.unix())
        self._flush()
