"""The watch over the tunnels' traffic: real nodes, an engine that tells any counters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

from meshdht.crypto.keys import WireGuardPublicKey
from meshdht.daemon.traffic import CALM_S, SESSION_S, TrafficWatch
from meshdht.engine.backend import PeerStats
from meshdht.wire.classify import Traffic, classify
from simulations.loop import run
from tests.daemon.stand_ins import FakeEngine
from tests.support.mesh import Machine, Mesh, mesh


class Engine(FakeEngine):
    """Counts how often it is asked."""

    asked = 0

    async def stats(self) -> dict[WireGuardPublicKey, PeerStats]:
        self.asked += 1
        return dict(self.traffic)


class Watched:
    """A machine that is connected to another, and what its engine counts of it."""

    def __init__(self, world: Mesh, machine: Machine, peer: Machine) -> None:
        self.world, self.machine, self.peer = world, machine, peer
        self.engine = Engine()
        self.watch = TrafficWatch(machine.node, self.engine, machine.clock)
        self.probes = 0
        self._rx = self._tx = 0
        world.internet.tap = self._tap
        self.task = world.tasks.create_task(self.watch.run())

    def _tap(self, datagram: bytes, source: object, to: object) -> None:
        if source == self.machine.endpoint and classify(datagram) is Traffic.CONTROL:
            self.probes += to == self.peer.endpoint

    async def flow(self, seconds: float, *, answered: bool) -> None:
        """Bytes go out all the time."""
        key = self.peer.node.identity.wireguard.public
        for _ in range(round(seconds / 0.1)):
            self._tx += 1000
            self._rx += 1000 * answered
            self.engine.traffic[key] = PeerStats(None, None, self._rx, self._tx)
            await asyncio.sleep(0.1)

    def is_connected(self) -> bool:
        return self.machine.reaches(self.peer)


@asynccontextmanager
async def watched() -> AsyncIterator[Watched]:
    async with mesh() as world:
        first, second = await world.grow(2)
        await asyncio.sleep(5)
        end = Watched(world, first, second)
        try:
            yield end
        finally:
            end.task.cancel()


def test_a_path_that_dies_under_traffic_is_known_to_be_dead_within_two_seconds() -> None:
    async def main() -> None:
        async with watched() as end:
            end.watch.used()
            await end.flow(5, answered=True)
            end.world.internet.blocked = lambda source, to: True
            await end.flow(2, answered=False)
            assert not end.is_connected()
            end.world.internet.blocked = lambda source, to: False
            await end.flow(3, answered=False)
            assert end.is_connected()

    run(main())


def test_traffic_that_wants_no_answer_costs_few_probes() -> None:
    async def main() -> None:
        async with watched() as end:
            end.watch.used()
            await end.flow(60, answered=False)
            assert end.is_connected()
            assert end.probes <= 60 / 4 + 10

    run(main())


def test_answered_traffic_costs_no_more_probes_than_none() -> None:
    async def main() -> None:
        async with watched() as end:
            end.watch.used()
            await end.flow(20, answered=True)
            assert end.probes <= 5

    run(main())


def test_the_counters_are_read_rarely_without_traffic_and_never_without_a_session() -> None:
    async def main() -> None:
        async with watched() as end:
            await asyncio.sleep(600)
            assert end.engine.asked == 0
            end.watch.used()
            await asyncio.sleep(SESSION_S)
            assert 0 < end.engine.asked <= SESSION_S / CALM_S + 2
            await asyncio.sleep(10)
            before = end.engine.asked
            await asyncio.sleep(600)
            assert end.engine.asked == before

    run(main())


def test_what_was_carried_is_remembered_second_by_second() -> None:
    async def main() -> None:
        async with watched() as end:
            end.watch.used()
            await end.flow(10, answered=True)
            series = end.watch.past.of(end.peer.node.identity.device)
            received, sent = series.columns
            assert list(received) == list(sent)
            assert all(later - sooner <= 2 for sooner, later in pairwise(series.seconds))
            # All but what came before the first reading, and after the last.
            assert 95_000 <= sum(sent) <= 100_000
            told = len(series.seconds)
            await asyncio.sleep(60)
            assert len(series.seconds) <= told + 1

    run(main())


def test_a_counter_that_starts_again_is_nothing_carried() -> None:
    async def main() -> None:
        async with watched() as end:
            end.watch.used()
            await end.flow(3, answered=False)
            before = sum(end.watch.past.of(end.peer.node.identity.device).columns[1])
            key = end.peer.node.identity.wireguard.public
            end.engine.traffic[key] = PeerStats(None, None, 0, 0)
            await asyncio.sleep(5)
            after = sum(end.watch.past.of(end.peer.node.identity.device).columns[1])
            assert before <= after <= 30_000

    run(main())
