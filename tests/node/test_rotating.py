"""An admin rotates: every device goes over, those that were off when they come back."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from simulations.loop import run
from tests.support.mesh import Machine, eventually, mesh


def numbers(machines: list[Machine]) -> set[int]:
    return {machine.node.identity.generation.number for machine in machines}


def secrets(machines: list[Machine]) -> set[bytes]:
    return {machine.node.identity.generation.secret.raw for machine in machines}


async def agreed(machines: list[Machine], number: int, within_s: float = 5.0) -> float:
    """Until all use one secret, of this number."""
    return await eventually(
        lambda: numbers(machines) == {number} and len(secrets(machines)) == 1, within_s
    )


def test_a_rotation_reaches_all_who_are_connected_and_no_path_is_lost() -> None:
    async def main() -> None:
        async with mesh(latency=(0.1, 0.1)) as world:
            machines = await world.grow(6)
            before = {each.observed.paths.total() for each in machines}
            await machines[0].node.rotator.rotate()
            assert await agreed(machines, 2) < 0.5
            await asyncio.sleep(120)
            await world.connected(within_s=0.1)
            assert {each.observed.paths.total() for each in machines} == before

    run(main())


def test_records_are_published_and_told_under_the_new_keys() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(4)
            await asyncio.sleep(5)
            await machines[0].node.rotator.rotate()
            await agreed(machines, 2)
            await asyncio.sleep(10)
            for machine in machines:
                for other in machines:
                    record = machine.node.holdings.record(other.id)
                    assert record is not None
                    held = machine.node.holdings.cache.record(other.id)
                    assert held is not None
                    assert held.generation == 2

    run(main())


def test_who_was_off_during_many_rotations_comes_back_and_gets_the_current_one() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(4)
            await machines[3].stop()
            for _ in range(5):
                await machines[0].node.rotator.rotate()
                await asyncio.sleep(10)
            await asyncio.sleep(6 * 3600)
            machines[3].restart()
            assert await agreed(machines, 6, within_s=30) < 5
            await world.connected()

    run(main())


def test_who_comes_back_elsewhere_than_it_was_gets_the_secret_too() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(3)
            await machines[2].stop()
            await machines[0].node.rotator.rotate()
            machines[2].endpoint = Endpoint("198.18.77.1", 41820)
            machines[2].restart()
            await agreed(machines, 2, within_s=30)
            await world.connected()

    run(main())


def test_a_rotation_is_on_disk_before_it_is_told_and_is_taken_up_at_the_next_start() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            first.store.written.clear()
            await first.node.rotator.rotate()
            assert first.store.written[:2] == ["generations", "statements"]
            await agreed([first, second], 2)
            for machine in (first, second):
                await asyncio.sleep(1)
                await machine.stop(crash=True)
            first.restart()
            second.restart()
            await agreed([first, second], 2)
            await world.connected()

    run(main())


def test_a_disk_that_refuses_the_secret_lets_nothing_happen() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            first.store.failing = True
            with pytest.raises(StateError):
                await first.node.rotator.rotate()
            await asyncio.sleep(5)
            assert numbers([first, second]) == {1}
            assert first.node.roster.rekey is None

    run(main())


def test_only_an_admin_rotates() -> None:
    async def main() -> None:
        async with mesh() as world:
            _, second = await world.grow(2)
            with pytest.raises(StateError, match="not an admin"):
                await second.node.rotator.rotate()

    run(main())


def test_rotations_on_a_lossy_network_reach_all() -> None:
    async def main() -> None:
        async with mesh(seed=5) as world:
            machines = await world.grow(5)
            world.internet.loss = 0.3
            await machines[0].node.rotator.rotate()
            await agreed(machines, 2, within_s=60)

    run(main())


def test_a_link_of_the_last_generation_still_lets_in() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(2)
            link = await machines[0].invite()
            await machines[0].node.rotator.rotate()
            await agreed(machines, 2)
            await world.join(link)
            await agreed(world.machines, 2)
            await world.connected()

    run(main())


def test_tunnels_take_the_last_generations_key_for_two_minutes() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            device = first.node.roster.device(second.id)
            assert device is not None
            assert first.node.last_preshared_key(device) is None
            last = first.node.preshared_key(device)
            await first.node.rotator.rotate()
            assert first.node.preshared_key(device) != last
            assert first.node.last_preshared_key(device) == last
            changes = first.observed.rosters
            await asyncio.sleep(125)
            assert first.node.last_preshared_key(device) is None
            assert first.observed.rosters == changes + 1

    run(main())
