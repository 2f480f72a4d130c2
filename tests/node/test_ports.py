"""What a node is started from, and what it hands to its store."""

from __future__ import annotations

import asyncio

from meshdht.node.ports import NodeState
from simulations.loop import run
from tests.support.mesh import mesh


def test_a_new_device_starts_with_its_keys_and_log_alone() -> None:
    async def main() -> None:
        async with mesh() as world:
            member = world.found()
            state = NodeState(member.store.identity, member.node.holdings.log)
            assert not any((state.peers, state.contacts, state.values, state.marks))

    run(main())


def test_a_node_hands_its_store_all_that_a_restart_needs() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await asyncio.sleep(60)
            await first.stop()
            state = first.store.state()
            assert dict(state.peers) == {second.id: second.endpoint, third.id: third.endpoint}
            assert {each.node_id for each in state.contacts} == {second.id.raw, third.id.raw}
            assert {device for device, _ in state.marks} == {second.id, third.id}
            assert len(state.values) == 3
            assert len(state.log) == 5

    run(main())
