"""One link for one device, used by two at once: one wins on every device, and the other is told."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.crypto.keys import NetworkSecret
from simulations.loop import run
from tests.support.mesh import Machine, Mesh, eventually, mesh


def split(world: Mesh, one: set[str]) -> None:
    """A partition: these hosts, and the others."""
    world.internet.blocked = lambda source, to: (source.host in one) != (to.host in one)


def heal(world: Mesh) -> None:
    world.internet.blocked = lambda source, to: False


def holds(machine: Machine, secret: NetworkSecret) -> bool:
    identity = machine.node.identity
    every = [identity.generation, *(each.generation for each in identity.others)]
    return any(each.secret == secret for each in every)


async def race(world: Mesh) -> tuple[list[Machine], Machine, Machine]:
    """Two come in by one use, on two sides of a partition that has healed: the others, the winner
    and the loser."""
    others = list(await world.grow(4))
    first, second, third, _ = others
    link = await first.invite()
    await asyncio.sleep(2)
    here, there = world.home(4).host, world.home(5).host
    split(world, {first.endpoint.host, second.endpoint.host, here})
    red = await world.join(link, hints=[second.endpoint])
    blue = await world.join(link, hints=[third.endpoint])
    assert (red.endpoint.host, blue.endpoint.host) == (here, there)
    await asyncio.sleep(30)
    heal(world)
    # Those that were apart find each other again when they compare what they hold.
    await eventually(
        lambda: len({each.node.holdings.log_digest() for each in others}) == 1, 4 * 3600
    )
    roster = first.node.roster
    [winner] = [each for each in (red, blue) if each.id in roster]
    [loser] = [each for each in (red, blue) if each.id not in roster]
    return others, winner, loser


@pytest.mark.parametrize("seed", range(6))
def test_across_a_partition_one_wins_everywhere_and_the_loser_is_told_and_evicted(
    seed: int,
) -> None:
    async def main() -> None:
        async with mesh(seed) as world:
            others, winner, loser = await race(world)
            stay = [*others, winner]
            await eventually(lambda: loser.node.own is None, 60)
            await eventually(
                lambda: len({each.node.identity.generation.number for each in stay} | {2}) == 1, 60
            )
            await world.connected(stay, within_s=600)
            for each in stay:
                assert len(each.node.roster) == 5
                assert each.node.path(loser.id).endpoint is None
            secret = others[0].node.identity.generation.secret
            assert not holds(loser, secret)
            assert winner.id in loser.node.roster

    run(main())


def test_a_loser_that_was_off_when_it_was_settled_is_in_nobodys_roster_when_it_comes_back() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            link = await first.invite()
            await asyncio.sleep(2)
            split(world, {first.endpoint.host, second.endpoint.host, world.home(3).host})
            red = await world.join(link, hints=[second.endpoint])
            blue = await world.join(link, hints=[third.endpoint])
            await asyncio.sleep(5)
            await red.stop()
            await blue.stop()
            heal(world)
            roster = first.node.holdings
            await eventually(lambda: len(roster.roster.rejections) == 1, 4 * 3600)
            await eventually(lambda: third.node.identity.generation.number == 2, 600)
            [winner] = [each for each in (red, blue) if each.id in first.node.roster]
            [loser] = [each for each in (red, blue) if each is not winner]
            loser.restart()
            winner.restart()
            await world.connected([first, second, third, winner], within_s=600)
            await asyncio.sleep(600)
            secret = first.node.identity.generation.secret
            assert holds(winner, secret)
            assert not holds(loser, secret)
            assert not any(each.node.path(loser.id).endpoint for each in (first, second, third))

    run(main())
