"""One machine: it joins, crashes, sleeps, moves, and tells the wrong time."""

from __future__ import annotations

import asyncio
import math

from meshdht.endpoint import Endpoint
from simulations.host import eventually
from simulations.loop import UNIX_START, run
from simulations.world import World, world


def connected(one: World) -> bool:
    return all(a.reaches(b) for a in one.hosts for b in one.hosts if a is not b)


def test_devices_join_by_links_and_reach_each_other() -> None:
    async def main() -> None:
        async with world(1) as one:
            one.found()
            for _ in range(3):
                await one.join()
            assert await eventually(lambda: connected(one), 10) < 10
            assert {len(host.node.roster) for host in one.hosts} == {4}

    run(main())


def test_after_a_crash_a_host_lives_on_what_was_on_its_disk() -> None:
    async def main() -> None:
        async with world(2) as one:
            one.found()
            await one.join()
            joiner = await one.join()
            await asyncio.sleep(5)
            sequence = joiner.node.holdings.cache.mark(joiner.id) or 0
            await joiner.crash()
            assert not joiner.is_on
            await asyncio.sleep(60)
            joiner.start()
            assert len(joiner.node.roster) == 3
            assert await eventually(lambda: connected(one), 30) < 30
            await asyncio.sleep(10)
            assert (joiner.node.holdings.cache.mark(joiner.id) or 0) > sequence

    run(main())


def test_a_member_that_the_disk_had_not_synced_is_forgotten_by_a_crash() -> None:
    async def main() -> None:
        async with world(3) as one:
            first = one.found()
            joiner = await one.join()
            await asyncio.sleep(5)
            assert [device for device, _ in first.disk.state().peers] == [joiner.id]
            first.disk.note_mark(joiner.id, 2**62)
            await first.crash()
            assert (joiner.id, 2**62) not in first.disk.state().marks

    run(main())


def test_a_host_asleep_neither_hears_nor_speaks() -> None:
    async def main() -> None:
        async with world(4) as one:
            one.found()
            sleeper = await one.join()
            await asyncio.sleep(5)
            one.hosts[0].node.watched()
            sleeper.sleep()
            sent = one.network.sent[sleeper.endpoint]
            await asyncio.sleep(60)
            assert one.network.sent[sleeper.endpoint] == sent
            assert not one.hosts[0].reaches(sleeper)
            sleeper.wake()
            assert await eventually(lambda: connected(one), 30) < 30

    run(main())


def test_a_host_that_moves_is_known_at_its_new_address() -> None:
    async def main() -> None:
        async with world(5) as one:
            first = one.found()
            mover = await one.join()
            await asyncio.sleep(20)
            mover.move(Endpoint("203.0.113.7", 41820))
            assert await eventually(lambda: first.knows_address(mover), 5) < 1
            assert one.network.received[mover.endpoint] > 0

    run(main())


def test_a_skewed_clock_is_wrong_on_the_wall_and_right_in_its_pace() -> None:
    async def main() -> None:
        async with world(6) as one:
            host = one.add_host(skew=-90.0)
            await asyncio.sleep(10)
            assert host.clock.unix() == UNIX_START - 80
            assert host.clock.monotonic() == 10

    run(main())


def test_what_does_not_come_true_takes_for_ever() -> None:
    async def main() -> None:
        assert await eventually(lambda: False, 3) == math.inf
        assert await eventually(lambda: True, 3) == 0

    run(main())
