"""Absent devices are found through the DHT, ever more rarely, and nobody else is asked for."""

from __future__ import annotations

import asyncio

from meshdht.endpoint import Endpoint
from meshdht.node.seeking import HEAD_START_S, PAUSES_S
from simulations.loop import run
from simulations.world import world
from tests.support.mesh import Machine, eventually, mesh

NEW_HOMES = (Endpoint("198.18.210.1", 41820), Endpoint("198.18.211.1", 41820))


def noted_lookups(machine: Machine) -> list[float]:
    """When the machine's node looks something up from now on."""
    times: list[float] = []
    original = machine.node._dht.lookup

    async def lookup(key: bytes) -> bytes | None:
        times.append(asyncio.get_running_loop().time())
        return await original(key)

    machine.node._dht.lookup = lookup  # type: ignore[method-assign]
    return times


def test_two_that_moved_while_apart_find_each_other_through_the_dht() -> None:
    async def main() -> None:
        async with mesh() as world:
            anchor, one, two = await world.grow(3)
            await asyncio.sleep(60)
            # Nobody gossips: the anchor holds records in its DHT, and passes nothing on.
            for machine in world.machines:
                machine.node._gossip.handle = lambda *_: None  # type: ignore[method-assign]
            world.internet.blocked = lambda source, to: anchor.endpoint not in (source, to)
            one.move(NEW_HOMES[0])
            two.move(NEW_HOMES[1])
            await asyncio.sleep(60)
            assert one.node.path(two.id).endpoint is None
            assert anchor.reaches(one)
            assert anchor.reaches(two)
            world.internet.blocked = lambda source, to: False
            await eventually(lambda: one.reaches(two) and two.reaches(one), PAUSES_S[-1] * 1.3)

    run(main())


def test_a_device_that_restarts_elsewhere_is_found_by_one_that_was_off() -> None:
    async def main() -> None:
        async with mesh() as world:
            anchor, one, two = await world.grow(3)
            await asyncio.sleep(60)
            await two.stop()
            one.move(NEW_HOMES[0])
            await asyncio.sleep(30)
            two.endpoint = NEW_HOMES[1]
            two.restart()
            assert await eventually(lambda: two.reaches(one) and two.reaches(anchor), 10) < 3

    run(main())


def test_a_lost_device_is_looked_up_ever_more_rarely() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await asyncio.sleep(60)
            times = noted_lookups(first)
            await third.stop()
            first.node.watched()
            await eventually(lambda: first.node.path(third.id).endpoint is None, 60)
            lost = asyncio.get_running_loop().time()
            await asyncio.sleep(24 * 3600)
            assert lost < times[0] <= lost + HEAD_START_S + 0.1
            # Pauses that grow for some 40 min, then one of 2 h again and again; each time, up to
            # three epochs.
            assert 12 <= len(times) <= 3 * 20
            assert first.reaches(second)

    run(main())


def test_a_device_that_reaches_nobody_goes_on_looking() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(60)
            times = noted_lookups(first)
            await second.stop()
            first.node.watched()
            await asyncio.sleep(6 * 3600)
            assert len(times) >= 6 * 3600 / (1.2 * 300)

    run(main())


def test_a_device_that_comes_back_ends_the_search() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(60)
            await second.stop()
            await asyncio.sleep(60)
            second.restart()
            await world.connected()
            await asyncio.sleep(10)
            times = noted_lookups(first)
            await asyncio.sleep(900)
            assert times == []

    run(main())


def test_a_device_that_was_never_there_is_sought_without_a_crash() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            await world.ask(await first.invite())
            times = noted_lookups(first)
            await asyncio.sleep(600)
            assert len(first.node.roster) == 2
            assert 0 < len(times) < 60

    run(main())


def test_the_first_look_is_into_the_current_epoch_alone() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            await world.ask(await first.invite())
            times = noted_lookups(first)
            await asyncio.sleep(HEAD_START_S + 0.5)
            assert len(times) == 1
            await asyncio.sleep(PAUSES_S[0] * 1.3)
            assert len(times) == 4

    run(main())


def test_neighbours_that_start_together_in_a_large_network_find_each_other_without_calls() -> None:
    async def main() -> None:
        async with world(1) as one:
            one.install(60)
            await one.start_all(spread_s=2.0)
            await asyncio.sleep(30)
            for host in one.hosts:
                near = one.ledger.roster.neighbourhood(host.id)
                assert all(host.node.path(each).endpoint for each in near)
            calls = sum(host.node._caller.counters.total() for host in one.hosts)
            assert calls < 0.1 * len(one.hosts)

    run(main())
