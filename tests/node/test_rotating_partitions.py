"""Admins act on both sides of a partition, at random: afterwards all agree."""

from __future__ import annotations

import asyncio
import random

import pytest

from meshdht.errors import StateError
from meshdht.membership.administration import GrantAdminBody
from simulations.loop import run
from tests.node.test_rotating_revocation import act, have_settled, holds, revoke
from tests.support.mesh import Machine, Mesh, eventually, mesh
from tests.support.partition import heal, split


async def grown(world: Mesh, chance: random.Random) -> list[Machine]:
    """Devices in any order, some of them admins."""
    machines = list(await world.grow(chance.randrange(4, 9)))
    for machine in machines[1:]:
        if chance.random() < 0.4:
            await act(machines[0], GrantAdminBody(machine.store.identity.signing.public))
    await asyncio.sleep(3)
    chance.shuffle(machines)
    return machines


async def something(chance: random.Random, actor: Machine, machines: list[Machine]) -> None:
    """A rotation, or a revocation of somebody."""
    if chance.random() < 0.4:
        await actor.node.rotator.rotate()
        return
    victim = chance.choice(machines)
    if victim is not actor:
        try:
            await revoke(actor, victim)
        except StateError:
            return  # it is out already, or the last admin


def who_stays(machines: list[Machine]) -> list[Machine]:
    best = max(machines, key=lambda each: len(each.node.holdings.log))
    return [each for each in machines if each.id in best.node.roster]


def is_settled(machines: list[Machine]) -> bool:
    stay = who_stays(machines)
    out = [each for each in machines if each not in stay]
    return have_settled(stay, out) or not (out or stay[0].node.roster.rekeys)


@pytest.mark.parametrize("seed", [0, 1, 3, 6, 27])
def test_rosters_and_generation_are_equal_and_no_revoked_device_has_the_secret(seed: int) -> None:
    async def main() -> None:
        chance = random.Random(seed)
        async with mesh(seed) as world:
            machines = await grown(world, chance)
            cut = chance.randrange(1, len(machines))
            sides = (machines[:cut], machines[cut:])
            split(world, *(each.endpoint for each in sides[0]))
            await asyncio.sleep(60)
            for _ in range(chance.randrange(1, 5)):
                side = chance.choice(sides)
                able = [each for each in side if each.node.own and each.node.own.admin]
                if able:
                    await something(chance, chance.choice(able), machines)
                await asyncio.sleep(chance.choice([0.05, 1, 30]))
            await asyncio.sleep(chance.choice([10, 600]))
            heal(world)
            await eventually(lambda: is_settled(machines), 4000)
            stay = who_stays(machines)
            secret = stay[0].node.identity.generation.secret
            out = [each for each in machines if each not in stay]
            assert not any(holds(each, secret) for each in out)

    run(main())
