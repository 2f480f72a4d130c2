"""A device goes on by other keys: those who were told, those who were not, and a thief."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.membership.administration import GrantAdminBody, RevokeBody, TagBody
from meshdht.node.administering import act, replace_keys
from simulations.loop import run
from tests.support.mesh import Machine, Mesh, eventually, mesh
from tests.support.partition import heal, split


async def replace(machine: Machine, *, crash: bool = False) -> None:
    """Other keys, and a node that has them."""
    was = machine.id
    heir = await replace_keys(machine.node)
    await machine.stop(crash=crash)
    assert machine.id == heir != was
    machine.restart()


async def settled(world: Mesh) -> None:
    """All agree who is there, and meet."""
    everybody = world.machines

    def all_meet() -> bool:
        return all(
            each.id in other.node.roster and (each is other or other.reaches(each))
            for each in everybody
            for other in everybody
        )

    await eventually(all_meet, 60)


def test_a_device_goes_on_by_other_keys_as_what_it_was() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            own, old = second.node.own, second.id
            assert own is not None
            began = asyncio.get_running_loop().time()
            await replace(second)
            await settled(world)
            assert asyncio.get_running_loop().time() - began < 5.0
            for each in (first, second, third):
                device = each.node.roster.device(second.id)
                assert device is not None
                assert (device.name, device.ipv4, device.ipv6) == (own.name, own.ipv4, own.ipv6)
                assert device.wireguard_key == second.node.identity.wireguard.public
                assert old not in each.node.roster
            # The admin sees to a secret that the old keys were not told.
            await eventually(
                lambda: all(each.node.identity.generation.number == 2 for each in world.machines)
            )
            assert all(each.node.roster.successions[0].retired for each in world.machines)
            await eventually(lambda: len(first.node.spread().know) == 2)

    run(main())


def test_an_admin_acts_after_it_as_before() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await replace(first)
            await settled(world)
            await eventually(lambda: second.node.identity.generation.number == 2)
            await act(first.node, TagBody(second.node.identity.signing.public, ("home",)))
            await eventually(
                lambda: second.node.own is not None and second.node.own.tags == ("home",)
            )

    run(main())


def test_the_old_key_is_nobodys_afterwards() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            thief = world.copy(second, 0.0)
            world.machines.remove(thief)
            await thief.stop()
            old = second.id
            await replace(second)
            await settled(world)
            await eventually(lambda: third.node.identity.generation.number == 2)
            thief.restart()
            await asyncio.sleep(30)
            for each in (first, second, third):
                assert thief.node.path(each.id).endpoint is None
                assert each.node.path(old).endpoint is None
                assert old not in each.node.roster
            assert thief.node.identity.generation.number == 1
            await thief.stop()

    run(main())


def test_a_revocation_of_the_old_id_puts_out_the_new_one() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            old = second.node.identity.signing.public
            await replace(second)
            await settled(world)
            await act(first.node, RevokeBody(old))
            assert second.id not in first.node.roster
            await eventually(lambda: second.id not in third.node.roster)

    run(main())


def test_a_device_that_was_off_hears_of_it_from_the_others() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await third.stop()
            await replace(second)
            await eventually(lambda: first.node.identity.generation.number == 2)
            third.restart()
            await settled(world)
            await eventually(lambda: third.node.identity.generation.number == 2)

    run(main())


@pytest.mark.parametrize("admin", [True, False])
def test_a_device_that_was_off_hears_of_it_from_the_device_itself(admin: bool) -> None:
    """Nobody else is there: it knows the old key alone, and the device still speaks for that."""

    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            mover, other = (first, second) if admin else (second, first)
            await other.stop()
            await replace(mover)
            await asyncio.sleep(5)
            assert mover.node.identity.generation.number == (2 if admin else 1)
            other.restart()
            await settled(world)
            await eventually(lambda: other.node.identity.generation.number == 2)
            assert mover.node.own is not None

    run(main())


def test_a_device_that_moved_meanwhile_tells_those_who_know_its_old_key_alone() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await first.stop()
            await replace(second)
            await asyncio.sleep(1)
            first.restart()
            second.move(world.home(7))
            await eventually(lambda: second.id in first.node.roster, 30)
            await eventually(lambda: first.reaches(second), 30)

    run(main())


def test_who_replaced_its_keys_twice_while_another_was_off_is_found() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await first.stop()
            await replace(second)
            await replace(second)
            assert len(second.node.identity.former) == 2
            first.restart()
            await settled(world)

    run(main())


def test_a_secret_that_begins_before_the_new_keys_are_reached_gets_to_them() -> None:
    """The device reaches the others already, and looks no further; they do not reach it yet."""

    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(2)
            await replace_keys(second.node)
            await second.stop()
            # First probes the new keys while nobody has them yet.
            await asyncio.sleep(0.1)
            second.restart()
            await eventually(lambda: second.reaches(first))
            assert not first.reaches(second)
            await first.node.rotator.rotate()
            await eventually(lambda: second.node.identity.generation.number == 2, 10)
            await settled(world)

    run(main())


def test_who_replaced_its_keys_is_found_by_those_who_went_over_to_another_secret() -> None:
    """They have the secret from before alone in common, and speak no gossip under that."""

    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await act(first.node, GrantAdminBody(second.node.identity.signing.public))
            await eventually(lambda: second.node.own is not None and second.node.own.admin)
            split(world, first.endpoint)
            await asyncio.sleep(60)
            await first.node.rotator.rotate()
            await second.node.rotator.rotate()
            await replace(first)
            await first.node.rotator.rotate()
            await asyncio.sleep(60)
            heal(world)
            await eventually(lambda: first.id in third.node.roster, 600)
            await settled(world)
            secrets = {each.node.identity.generation.secret.raw for each in world.machines}
            assert len(secrets) == 1

    run(main())
