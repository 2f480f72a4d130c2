"""What others read of a node."""

from __future__ import annotations

from simulations.loop import run
from tests.support.mesh import eventually, mesh


def test_a_node_knows_itself_its_members_and_its_paths() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await eventually(lambda: first.node.has_entered)
            own = first.node.own
            assert own is not None
            assert own.id == first.id
            assert first.node.path(second.id).endpoint == second.endpoint
            assert first.node.own_endpoints == [first.endpoint]
            await eventually(lambda: first.node.contact(second.id) is not None)
            contact = first.node.contact(second.id)
            assert contact is not None
            assert contact.endpoint == second.endpoint

    run(main())


def test_a_pair_of_devices_has_one_preshared_key_and_no_other_has_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            one, other, last = first.node.roster
            assert (one.id, other.id, last.id) == (first.id, second.id, third.id)
            key = first.node.preshared_key(other)
            assert key == second.node.preshared_key(one)
            assert key != first.node.preshared_key(last)

    run(main())
