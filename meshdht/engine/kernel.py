"""The kernel engine: WireGuard in the kernel. No packet of a tunnel passes through this process.

The kernel tells nothing by itself, so that its counters are read every POLL_S seconds, and
whenever somebody asks for them; what has changed is reported as the events that the embedded
engine knows at once.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from meshdht.clock import Clock
from meshdht.crypto.keys import WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import LOOPBACK, Endpoint
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
from meshdht.engine.kernel_dump import NO_PRESHARED_KEY, KernelDevice, KernelPeer
from meshdht.engine.kernel_netlink import PeerChange
from meshdht.engine.kernel_news import Watched, news
from meshdht.engine.waiting_room import WaitingRoom
from meshdht.errors import PlatformError
from meshdht.wireguard.constants import SPECIFICATION
from meshdht.wireguard.events import DeviceEvent, HandshakeWanted

# How often the counters are read. WireGuard itself waits 5 s and more before it tries again.
POLL_S = 2.0


class WireGuardInKernel(Protocol):
    """The part of ``KernelWireGuard`` that the engine uses; every verb raises OSError."""

    async def device(self, index: int) -> KernelDevice: ...

    async def set_device(
        self, index: int, *, private_key: WireGuardPrivateKey | None = None
    ) -> None: ...

    async def set_peer(self, index: int, change: PeerChange) -> None: ...


@dataclass(slots=True)
class KernelCounters:
    """What went wrong, by reason."""

    refused_peers: int = 0
    """Operations on peers that the kernel did not carry out."""
    read_failed: int = 0
    """Times that the counters could not be read."""
    interface_lost: int = 0
    """Times that the interface vanished."""


class KernelEngine:
    """Implements ``Backend``; whoever made the interface deletes it, after ``close``."""

    name = "kernel"
    features: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    trouble = ""

    def __init__(
        self,
        private: WireGuardPrivateKey,
        kernel: WireGuardInKernel,
        index: int,
        room: WaitingRoom,
        send: Callable[[bytes, Endpoint], None],
        *,
        clock: Clock,
        machine_clock: Clock,
        on_event: Callable[[DeviceEvent], None],
        on_interface_lost: Callable[[], None],
    ) -> None:
        """``index`` is that of an interface which may have peers already: their sessions stay.
        ``send`` sends from WireGuard's port and must not raise. The kernel tells times by
        ``machine_clock``, the engine by ``clock``. ``on_interface_lost`` hears that the interface
        was deleted, and ``attach`` then takes another one."""
        self.counters = KernelCounters()
        self._private = private
        self._kernel = kernel
        self._index: int | None = index
        self._room = room
        self._send = send
        self._clock = clock
        self._machine_clock = machine_clock
        self._on_event = on_event
        self._on_interface_lost = on_interface_lost
        self._last = KernelDevice()
        self._configs: dict[WireGuardPublicKey, PeerConfig] = {}
        self._watched: dict[WireGuardPublicKey, Watched] = {}
        self._held: dict[WireGuardPublicKey, tuple[bytes, float]] = {}
        """The last initiation for a peer in the waiting room, and when it came."""

    async def start(self) -> None:
        assert self._index is not None
        self._room.start(self._wanted)
        try:
            await self._kernel.set_device(self._index, private_key=self._private)
            self._last = await self._kernel.device(self._index)
        except OSError as error:
            raise PlatformError(f"WireGuard in the kernel refuses: {error.strerror}") from None
        # Of a daemon before us: it sent who waits to a room that is not there any more.
        for key, peer in self._last.peers.items():
            if _endpoint_of(peer) is None:
                await self._change(PeerChange(key, endpoint=self._wait(key)))

    async def run(self) -> None:
        """Report what changes, for ever."""
        while True:
            await self._look()
            await asyncio.sleep(POLL_S)

    async def attach(self, index: int) -> None:
        """Go on over this interface, which has no peers, instead of the one that was lost."""
        self._index = index
        try:
            await self._kernel.set_device(index, private_key=self._private)
        except OSError as error:
            self._failed(error)
        last = {key: each.endpoint for key, each in self._watched.items()}
        self._watched.clear()
        for config in list(self._configs.values()):
            endpoint = last.get(config.public_key) or config.endpoint
            await self._add(replace(config, endpoint=endpoint))

    async def apply(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            match operation:
                case AddPeer(config):
                    await self._add(config)
                case UpdatePeer(config):
                    await self._update(config)
                case RemovePeer(public_key):
                    self._forget(public_key)
                    await self._change(PeerChange(public_key, removes=True))
                case SetEndpoint(public_key, endpoint):
                    await self._set_endpoint(public_key, endpoint)
                case Initiate(public_key):
                    await self._initiate(public_key)

    async def peers(self) -> dict[WireGuardPublicKey, PeerConfig]:
        """As the kernel has them, so that what others changed is put right."""
        device = await self._device()
        if device is None:
            return dict(self._configs)
        return {key: self._config_of(peer) for key, peer in device.peers.items()}

    async def stats(self) -> dict[WireGuardPublicKey, PeerStats]:
        device = await self._look()
        ahead = self._clock.unix() - self._machine_clock.unix()
        return {
            key: PeerStats(
                _endpoint_of(peer),
                None if peer.handshake is None else peer.handshake + ahead,
                peer.rx_bytes,
                peer.tx_bytes,
            )
            for key, peer in (device.peers if device else {}).items()
        }

    async def close(self) -> None:
        self._room.close()

    # --- operations

    async def _add(self, config: PeerConfig) -> None:
        key = config.public_key
        endpoint = config.endpoint or self._wait(key)
        change = PeerChange(
            key,
            config.preshared_key or NO_PRESHARED_KEY,
            config.allowed_ips,
            endpoint,
            config.keepalive_s,
            only_if_present=False,
            replaces_allowed_ips=True,
        )
        if await self._change(change):
            self._configs[key] = config

    async def _update(self, config: PeerConfig) -> None:
        """Allowed IPs are replaced only where they differ: in between the peer has none."""
        key = config.public_key
        device = await self._device()
        present = device.peers.get(key) if device else None
        differ = present is None or set(present.allowed_ips) != set(config.allowed_ips)
        change = PeerChange(
            key,
            config.preshared_key or NO_PRESHARED_KEY,
            config.allowed_ips if differ else None,
            keepalive_s=config.keepalive_s,
            replaces_allowed_ips=differ,
        )
        if await self._change(change):
            self._configs[key] = config

    async def _set_endpoint(self, key: WireGuardPublicKey, endpoint: Endpoint) -> None:
        """The initiation that is under way goes there too: the kernel makes no other one within
        REKEY_TIMEOUT."""
        self._room.forget(key)
        if watched := self._watched.get(key):
            watched.endpoint = endpoint
        await self._change(PeerChange(key, endpoint=endpoint))
        message, moment = self._held.pop(key, (b"", 0.0))
        if message and self._clock.monotonic() - moment < SPECIFICATION.rekey_timeout:
            self._send(message, endpoint)

    async def _initiate(self, key: WireGuardPublicKey) -> None:
        """A persistent keepalive that is switched on sends a keepalive at once, and that needs
        a session: without one, a handshake begins."""
        config = self._configs.get(key)
        usual = config.keepalive_s if config else 0
        for keepalive_s in (0, usual) if usual else (1, 0):
            await self._change(PeerChange(key, keepalive_s=keepalive_s))

    async def _change(self, change: PeerChange) -> bool:
        """Whether it is as wanted now, or will be once there is an interface again."""
        if self._index is None:
            return True
        try:
            await self._kernel.set_peer(self._index, change)
        except OSError as error:
            self._failed(error)
            if self._index is not None:
                self.counters.refused_peers += 1
                return False
        return True

    def _wait(self, key: WireGuardPublicKey) -> Endpoint:
        self._room.expect(key)
        return self._room.endpoint

    def _forget(self, key: WireGuardPublicKey) -> None:
        for known in (self._configs, self._watched, self._held):
            known.pop(key, None)
        self._room.forget(key)

    # --- what the kernel has

    async def _device(self) -> KernelDevice | None:
        """As it is, or was when it could last be read; None while there is none."""
        if self._index is None:
            return None
        try:
            self._last = await self._kernel.device(self._index)
        except OSError as error:
            self.counters.read_failed += 1
            self._failed(error)
        return self._last if self._index is not None else None

    def _config_of(self, peer: KernelPeer) -> PeerConfig:
        """The kernel keeps one pre-shared key, and allowed IPs in an order of its own."""
        known = self._configs.get(peer.public_key)
        allowed_ips = peer.allowed_ips
        if known and set(known.allowed_ips) == set(allowed_ips):
            allowed_ips = known.allowed_ips
        return PeerConfig(
            peer.public_key,
            peer.preshared_key,
            known.last_preshared_key if known else None,
            allowed_ips,
            _endpoint_of(peer),
            peer.keepalive_s,
        )

    def _failed(self, error: OSError) -> None:
        if error.errno == errno.ENODEV and self._index is not None:
            self._index = None
            self.counters.interface_lost += 1
            self._on_interface_lost()

    # --- events

    def _wanted(self, key: WireGuardPublicKey, initiation: bytes) -> None:
        self._held[key] = (initiation, self._clock.monotonic())
        self._on_event(HandshakeWanted(key))

    async def _look(self) -> KernelDevice | None:
        """Read the counters, and report what has changed since."""
        device = await self._device()
        if device is None:
            return None
        now, unix = self._clock.monotonic(), self._machine_clock.unix()
        ahead = self._clock.unix() - unix
        for key, peer in device.peers.items():
            endpoint = _endpoint_of(peer)
            if endpoint is None:
                continue
            self._room.forget(key)
            watched = self._watched.setdefault(key, Watched())
            for event in news(watched, peer, now=now, unix=unix, ahead=ahead):
                self._on_event(event)
        return device


def _endpoint_of(peer: KernelPeer) -> Endpoint | None:
    """None while it waits in a room: ours, or that of a daemon before us."""
    if peer.endpoint is None or peer.endpoint.host == LOOPBACK:
        return None
    return peer.endpoint
