"""What the parts of a node tell each other: a change of address goes from one to the next."""

from __future__ import annotations

import asyncio

from meshdht.endpoint import Endpoint
from simulations.loop import run
from tests.support.mesh import ELSEWHERE, Machine, eventually, mesh


def test_a_changed_address_is_known_to_all_within_a_second() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(5)
            await asyncio.sleep(60)
            moved = machines[2]
            moved.move(ELSEWHERE)
            others = [machine for machine in machines if machine is not moved]
            told = await eventually(
                lambda: all(endpoints_told(each, moved) == [ELSEWHERE] for each in others), 5
            )
            assert told < 1.0
            # The old path counts as dead only after four probes of 0.3 s each.
            reached = await eventually(lambda: all(each.reaches(moved) for each in others), 5)
            assert told + reached < 2.0

    run(main())


def endpoints_told(machine: Machine, other: Machine) -> list[Endpoint]:
    record = machine.node.holdings.cache.record(other.id)
    return [candidate.endpoint for candidate in record.candidates] if record else []


def test_while_a_path_fails_under_traffic_others_are_asked_where_we_are() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, _ = await world.grow(3)
            await asyncio.sleep(60)
            # The second lets in whom it has sent to: not the first as it is mapped from now on.
            world.internet.filtered = {second.endpoint}
            first.remap(ELSEWHERE)
            first.node.doubt(second.id)
            assert await eventually(lambda: ELSEWHERE in first.node.own_endpoints, 1) < 0.5
            assert await eventually(lambda: second.reaches(first), 3) < 2.0

    run(main())
