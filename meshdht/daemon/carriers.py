"""What carries the tunnels: a network interface, a UDP port, and the engine between the two."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol

from meshdht.clock import Clock
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.daemon.switchboard import Switchboard
from meshdht.engine.backend import Backend
from meshdht.engine.embedded import EmbeddedEngine, segments_max
from meshdht.engine.worker_process import Spawned
from meshdht.net.port import Port
from meshdht.net.tun import Tun
from meshdht.net.udp import UdpPort
from meshdht.wireguard.events import DeviceEvent


class Carrier(Protocol):
    """An interface that exists, down and without addresses unless it was left for us."""

    why: str
    """Why this engine, in a few words for the user."""
    lost: asyncio.Event
    """Set when somebody deleted the interface: then ``remake`` it, configure it, ``attach``."""

    @property
    def interface(self) -> str:
        """The interface's name now."""

    async def open_port(self, number: int) -> Port:
        """Take a UDP port, or with 0 a free one; raises PlatformError. Who opens it closes it."""

    def make_engine(
        self,
        private: WireGuardPrivateKey,
        port: Port,
        *,
        clock: Clock,
        stamps_after: float,
        on_event: Callable[[DeviceEvent], None],
    ) -> Backend:
        """The engine, not started; ``stamps_after``: Unix seconds that date the first handshakes,
        or later."""

    async def run(self) -> None:
        """What the engine does beside carrying traffic, until cancelled."""

    async def remake(self) -> None:
        """Make the lost interface again; raises PlatformError."""

    async def attach(self) -> None:
        """Let the engine go on over the interface that was made again."""

    def resize(self, mtu: int) -> int | None:
        """Tell the engine the interface's MTU. Returns into how many segments a packet may have to
        be cut that the interface is handed; None is the kernel's own limit."""

    def dropped(self) -> dict[str, int]:
        """What the engine threw away, by reason."""

    def leave(self) -> None:
        """Another daemon comes: ``close`` leaves for it what can carry traffic meanwhile."""

    async def close(self) -> None:
        """Delete the interface. Closing again is harmless."""


class EmbeddedCarrier:
    """A TUN device and sockets; they vanish with the process."""

    def __init__(self, interface: str, switchboard: Switchboard, why: str) -> None:
        """Make the interface; raises PlatformError."""
        self.why = why
        self.lost = asyncio.Event()
        self._switchboard = switchboard
        self._tun = Tun(interface)
        self._engine: EmbeddedEngine | None = None
        # Early: it starts while the daemon reads its state.
        self._spawned = _spawned()

    @property
    def interface(self) -> str:
        return self._tun.name

    async def open_port(self, number: int) -> UdpPort:
        return UdpPort(number, self._switchboard.control_received)

    def make_engine(
        self,
        private: WireGuardPrivateKey,
        port: Port,
        *,
        clock: Clock,
        stamps_after: float,
        on_event: Callable[[DeviceEvent], None],
    ) -> EmbeddedEngine:
        assert isinstance(port, UdpPort)
        self._engine = EmbeddedEngine(
            private,
            self._tun,
            port,
            clock=clock,
            stamps_after=stamps_after,
            on_event=on_event,
            on_tun_lost=self.lost.set,
            spawned=self._spawned,
        )
        return self._engine

    async def run(self) -> None:
        """Nothing: the engine has a process of its own."""

    async def remake(self) -> None:
        self._tun.close()
        self._tun = Tun(self._tun.name)

    async def attach(self) -> None:
        if self._engine is not None:
            self._engine.attach(self._tun)

    def resize(self, mtu: int) -> int:
        if self._engine is not None:
            self._engine.resize(mtu)
        return segments_max(mtu)

    def dropped(self) -> dict[str, int]:
        return {} if self._engine is None else self._engine.counters

    def leave(self) -> None:
        """Nothing can be left: the process that carries the traffic ends with this one."""

    async def close(self) -> None:
        self._tun.close()
        if self._spawned is not None:
            self._spawned.close()


def _spawned() -> Spawned | None:
    try:
        return Spawned()
    except OSError:
        return None  # the engine tries again, and says why


def prefixed(prefix: str, counters: Any) -> Counter[str]:
    """The counts of a dataclass, each with the name of whose they are."""
    return Counter({f"{prefix}_{reason}": count for reason, count in asdict(counters).items()})
