"""A node explains its paths."""

from __future__ import annotations

import asyncio

from meshdht.endpoint import Endpoint
from meshdht.paths.account import PairState
from meshdht.records.endpoint import NatBehaviour
from simulations.loop import run
from tests.support.mesh import mesh

INSIDE = Endpoint("100.99.0.7", 41820)
OTHER_FAMILY = Endpoint("2001:db8::7", 41820)


def test_every_way_is_told_with_what_became_of_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            elsewhere = Endpoint("198.51.100.5", 41820)
            for endpoint in (elsewhere, OTHER_FAMILY, INSIDE):
                first.node.learn(second.id, endpoint)
            await asyncio.sleep(10)
            told = {each.endpoint: each.state for each in first.node.account(second.id)}
            assert told == {
                second.endpoint: PairState.ALIVE,
                elsewhere: PairState.SILENT,
                OTHER_FAMILY: PairState.UNREACHABLE,
            }
            assert first.node.why(second.id) == ""
            first.node._generations.was_at(second.id, INSIDE)
            told = {each.endpoint: each.state for each in first.node.account(second.id)}
            assert told[INSIDE] is PairState.REFUSED

    run(main())


def test_a_peer_that_is_gone_is_explained() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, _ = await world.grow(3)
            await second.stop()
            first.node.watched()
            await asyncio.sleep(120)
            assert "it is off" in first.node.why(second.id)
            assert first.node.peer_nat(second.id) in NatBehaviour

    run(main())
