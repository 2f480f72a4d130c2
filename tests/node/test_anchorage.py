"""Members that missed an anchor's coming find it all the same."""

from __future__ import annotations

import asyncio

from meshdht.dht.dht import Contact
from meshdht.node.anchorage import CHECK_S
from simulations.loop import run
from tests.support.anchor import Holder, link_of
from tests.support.mesh import Machine, eventually, mesh


def knows(member: Machine, anchor: Holder) -> bool:
    return anchor.id.raw in member.node._dht.anchors.ids()


def test_who_was_off_when_an_anchor_came_finds_it_through_the_others() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await second.stop()
            anchor = Holder(world, await link_of(first))
            await eventually(lambda: not anchor.node.trouble, 10)
            await asyncio.sleep(60)
            second.restart()
            await eventually(lambda: knows(second, anchor), 2 * CHECK_S)

    run(main())


def test_who_heard_from_it_before_it_was_in_the_log_finds_it_through_the_others() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            link = await link_of(first)
            pair = {first.endpoint, second.endpoint}
            world.internet.blocked = lambda source, to: {source, to} == pair
            anchor = Holder(world, link)
            await eventually(lambda: not anchor.node.trouble, 10)
            await asyncio.sleep(1)
            world.internet.blocked = lambda source, to: False
            await eventually(lambda: bool(second.node.roster.anchors), 600)
            assert not knows(second, anchor)
            await eventually(lambda: knows(second, anchor), 2 * CHECK_S)

    run(main())


def test_an_anchor_that_is_gone_is_looked_for_ever_more_rarely() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            anchor = Holder(world, await link_of(first))
            await eventually(lambda: not anchor.node.trouble, 10)
            await anchor.stop()
            looked: list[bytes] = []
            node_lookup = second.node._dht.find_node

            async def find_node(target: bytes) -> list[Contact]:
                looked.append(target)
                return await node_lookup(target)

            second.node._dht.find_node = find_node  # type: ignore[method-assign]
            await asyncio.sleep(3 * 86400)
            assert 3 < looked.count(anchor.id.raw) < 25

    run(main())
