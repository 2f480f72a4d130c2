"""Devices with what a daemon serves on its socket: real nodes, engines that only remember."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from meshdht.api.messages import Ping, Pong
from meshdht.api.name_messages import NamesStatus
from meshdht.api.relay_messages import RelayStatus
from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId
from meshdht.daemon.config import Config
from meshdht.daemon.live_settings import LiveSettings
from meshdht.daemon.recent import TrafficPast
from meshdht.daemon.service import DaemonService
from tests.daemon.stand_ins import FakeEngine, NoStreams
from tests.support.mesh import Machine, Mesh, mesh


async def _apply(config: Config) -> None:
    pass


class Served:
    """A machine with its service."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.engine = FakeEngine()
        self.stops: list[bool] = []
        self.restarts: list[bool] = []
        self.path_mtus: dict[DeviceId, int] = {}
        self.traffic = TrafficPast()
        self.service = DaemonService(
            "home",
            machine.node,
            self.engine,
            "it is all there is",
            lambda: "mesh-home",
            41820,
            machine.clock,
            SeededEntropy(machine.number + 50),
            Path("/var/lib/meshdht/home"),
            tuple,
            self.path_mtus.get,
            lambda: dict(machine.node.dropped),
            self.traffic,
            RelayStatus,
            LiveSettings("home", Path("/nonexistent/config.toml"), Config(), _apply),
            NoStreams(),
            lambda: NamesStatus(zone="home.internal"),
            lambda endpoint: None,
            lambda: self.stops.append(True),
            lambda: self.restarts.append(True),
        )

    async def pings(self, request: Ping) -> list[Pong]:
        return [pong async for pong in self.service.ping(request)]


@asynccontextmanager
async def served(size: int) -> AsyncIterator[tuple[Mesh, list[Served]]]:
    async with mesh(latency=(0.02, 0.02)) as world:
        await world.grow(size)
        await asyncio.sleep(1)
        yield world, [Served(machine) for machine in world.machines]
