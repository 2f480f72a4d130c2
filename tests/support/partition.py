"""Networks that fall apart, and what may come of it."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from meshdht.endpoint import Endpoint
from tests.support.mesh import Machine, Mesh, eventually


def split(world: Mesh, *inside: Endpoint) -> None:
    """A partition: the hosts of these, and the others."""
    hosts = {each.host for each in inside}
    world.internet.blocked = lambda source, to: (source.host in hosts) != (to.host in hosts)


def heal(world: Mesh) -> None:
    world.internet.blocked = lambda source, to: False


class Race(NamedTuple):
    """Two came in by one use of a link, on the two sides of a partition that has healed."""

    others: list[Machine]
    winner: Machine
    loser: Machine


async def race(world: Mesh, others: int, *, off: bool = False) -> Race:
    """One; ``off``: the two that race are switched off before it is settled, and stay so."""
    first, second, third, *rest = await world.grow(others)
    link = await first.invite()
    await asyncio.sleep(2)
    split(world, first.endpoint, second.endpoint, world.home(others))
    racers = [await world.join(link, hints=[each.endpoint]) for each in (second, third)]
    await asyncio.sleep(5)
    for each in racers if off else ():
        await each.stop()
    await asyncio.sleep(25)
    heal(world)
    apart = [first, second, third, *rest]
    # Those that were apart find each other again when they compare what they hold.
    await eventually(
        lambda: len({each.node.holdings.log_digest() for each in apart}) == 1, 4 * 3600
    )
    await eventually(lambda: third.node.identity.generation.number == 2, 600)
    [winner] = [each for each in racers if each.id in first.node.roster]
    [loser] = [each for each in racers if each is not winner]
    return Race(apart, winner, loser)
