"""What a device says of another, in the log and on disk."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.errors import StateError, UsageError
from meshdht.membership.administration import GrantAdminBody, LeaveBody, RenameBody, TagBody
from meshdht.node.administering import act, leave
from simulations.loop import run
from tests.support.mesh import eventually, mesh


def test_a_statement_is_on_disk_and_told_to_the_others() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            key = second.node.identity.signing.public
            await act(first.node, TagBody(key, ("home",)))
            assert first.store.statements[-1] == [*first.node.holdings.log][-1].raw
            await eventually(
                lambda: second.node.own is not None and second.node.own.tags == ("home",)
            )

    run(main())


def test_a_device_that_is_out_says_nothing_more() -> None:
    async def main() -> None:
        async with mesh() as world:
            _, second = await world.grow(2)
            await act(second.node, LeaveBody())
            held = len(second.node.holdings.log)
            with pytest.raises(StateError, match="not a member"):
                await act(second.node, LeaveBody())
            assert len(second.node.holdings.log) == held

    run(main())


def test_a_device_has_left_once_another_one_knows() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            began = asyncio.get_running_loop().time()
            assert await leave(second.node)
            assert asyncio.get_running_loop().time() - began < 0.5
            assert second.node.own is None
            assert second.id not in first.node.roster or second.id not in third.node.roster
            await eventually(lambda: second.id not in third.node.roster)
            assert second.store.statements[-1] == [*second.node.holdings.log][-1].raw
            assert not first.node.roster.rejections
            # The admin sees to a secret that it does not have.
            await eventually(lambda: third.node.identity.generation.number == 2)

    run(main())


@pytest.mark.parametrize("seed", range(5))
def test_a_leave_that_is_lost_is_said_again_and_so_is_its_answer(seed: int) -> None:
    async def main() -> None:
        async with mesh(seed, loss=0.3) as world:
            first, second = await world.grow(2)
            assert await leave(second.node)
            assert second.id not in first.node.roster

    run(main())


def test_a_device_that_nobody_hears_stays() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await first.stop()
            held = len(second.node.holdings.log)
            with pytest.raises(StateError, match="no other device has heard"):
                await leave(second.node)
            assert second.node.own is not None
            assert len(second.node.holdings.log) == held
            first.restart()
            await world.connected()
            assert await leave(second.node)

    run(main())


def test_who_hears_of_a_leave_asks_for_what_it_lacks_before_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            world.internet.blocked = lambda source, to: True
            key = second.node.identity.signing.public
            await act(second.node, RenameBody(key, "attic"))
            world.internet.blocked = lambda source, to: False
            assert await leave(second.node)
            assert first.node.roster.name_of(second.id) == "attic"
            assert second.id not in first.node.roster

    run(main())


def test_the_only_admin_leaves_nobody_behind() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            with pytest.raises(UsageError, match="d0 is the only admin"):
                await leave(first.node)
            await act(first.node, GrantAdminBody(second.node.identity.signing.public))
            assert await leave(first.node)
            await eventually(lambda: first.id not in second.node.roster)
            await eventually(lambda: second.node.identity.generation.number == 2)

    run(main())


def test_who_is_alone_need_not_say_that_it_leaves() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            assert not await leave(first.node)
            assert len(first.node.holdings.log) == 1

    run(main())
