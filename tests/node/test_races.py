"""One link for one device, used by two at once: one wins on every device, and the other is told."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.crypto.keys import NetworkSecret
from simulations.loop import run
from tests.support.mesh import Machine, eventually, mesh
from tests.support.partition import race


def holds(machine: Machine, secret: NetworkSecret) -> bool:
    identity = machine.node.identity
    every = [identity.generation, *(each.generation for each in identity.others)]
    return any(each.secret == secret for each in every)


@pytest.mark.parametrize("seed", range(6))
def test_across_a_partition_one_wins_everywhere_and_the_loser_is_told_and_evicted(
    seed: int,
) -> None:
    async def main() -> None:
        async with mesh(seed) as world:
            others, winner, loser = await race(world, 4)
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
            (first, second, third), winner, loser = await race(world, 3, off=True)
            loser.restart()
            winner.restart()
            await world.connected([first, second, third, winner], within_s=600)
            await asyncio.sleep(600)
            secret = first.node.identity.generation.secret
            assert holds(winner, secret)
            assert not holds(loser, secret)
            assert not any(each.node.path(loser.id).endpoint for each in (first, second, third))

    run(main())
