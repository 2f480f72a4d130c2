"""Devices whose time is over are put out by whichever admin is there: whole nodes, virtual time."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.membership.administration import ExpireBody, GrantAdminBody
from meshdht.membership.statements import Terms
from meshdht.node.administering import act
from meshdht.node.enforcing import EACH_S, LOOK_S, SOUGHT_S
from simulations.loop import run
from tests.support.mesh import Machine, Mesh, eventually, mesh

EPHEMERAL = Terms(ephemeral_s=600)
# A path that is idle is disproved within minutes of its end.
UNNOTICED_S = 1200.0


def removed(machine: Machine) -> list[str]:
    return [each.name for each in machine.node.roster.removed]


async def admins(world: Mesh, size: int, count: int) -> list[Machine]:
    """A mesh whose first ``count`` devices are admins."""
    machines = await world.grow(size)
    for other in machines[1:count]:
        await act(machines[0].node, GrantAdminBody(other.node.identity.signing.public))
    await asyncio.sleep(2)
    return list(machines)


async def expire(admin: Machine, device: Machine, after_s: int) -> None:
    expires = int(admin.clock.unix()) + after_s
    await act(admin.node, ExpireBody(device.node.identity.signing.public, expires))


def test_a_device_that_expires_is_revoked_by_one_admin_alone() -> None:
    async def main() -> None:
        async with mesh() as world:
            *others, guest = await admins(world, 6, 4)
            await expire(others[0], guest, 300)
            await asyncio.sleep(290)
            assert removed(others[0]) == []
            await eventually(lambda: all(removed(each) == ["d5"] for each in others), 60)
            await eventually(lambda: guest.node.own is None, 5)
            await asyncio.sleep(10 * EACH_S)
            # One revocation, and one new generation.
            assert len(others[0].node.roster.removed) == len(others[0].node.roster.rekeys) == 1
            await world.connected(others)

    run(main())


def test_the_next_admin_does_it_where_the_first_is_off() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third, guest = await admins(world, 4, 3)
            await expire(first, guest, 300)
            await asyncio.sleep(10)
            await first.stop()
            await eventually(lambda: removed(second) == removed(third) == ["d3"], 600)
            [gone] = second.node.roster.removed
            assert gone.by == second.id

    run(main())


def test_an_ephemeral_device_that_stays_is_let_be_and_one_that_goes_is_revoked() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            stays = await world.join(await first.invite(terms=EPHEMERAL))
            goes = await world.join(await first.invite(terms=EPHEMERAL))
            await world.connected()
            await asyncio.sleep(4 * 3600)
            assert removed(first) == []
            await goes.stop(crash=True)
            await asyncio.sleep(EPHEMERAL.ephemeral_s - 30)
            assert removed(first) == []
            await eventually(lambda: removed(first) == ["d3"], UNNOTICED_S)
            await asyncio.sleep(4 * 3600)
            assert removed(first) == ["d3"]
            assert stays.node.own is not None

    run(main())


def test_one_that_comes_back_in_time_stays() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            runner = await world.join(await first.invite(terms=EPHEMERAL))
            await world.connected()
            for _ in range(5):
                # Long enough to be seen: an admin looks now and then.
                await asyncio.sleep(2 * LOOK_S)
                await runner.stop()
                await asyncio.sleep(EPHEMERAL.ephemeral_s - 60)
                runner.restart()
                await world.connected()
            assert removed(first) == []

    run(main())


def test_an_admin_that_has_just_started_waits_as_long_as_any_other() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            runner = await world.join(await first.invite(terms=EPHEMERAL))
            await world.connected()
            await first.stop()
            await asyncio.sleep(3600)
            first.restart()
            await world.connected()
            await asyncio.sleep(EPHEMERAL.ephemeral_s / 2)
            assert removed(second) == []
            assert runner.node.own is not None

    run(main())


def test_an_admin_that_is_cut_off_takes_nobody_for_gone() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            runner = await world.join(await first.invite(terms=EPHEMERAL))
            await world.connected()
            world.internet.blocked = lambda source, to: first.endpoint in (source, to)
            await asyncio.sleep(6 * 3600)
            assert removed(first) == []
            world.internet.blocked = lambda source, to: False
            await world.connected(within_s=3600)
            await asyncio.sleep(600)
            assert removed(second) == []
            assert runner.node.own is not None

    run(main())


def test_two_alone_are_the_admin_and_its_runner_and_the_runner_goes() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            runner = await world.join(await first.invite(terms=EPHEMERAL))
            await world.connected()
            await runner.stop()
            await eventually(lambda: removed(first) == ["d1"], 600 + UNNOTICED_S)

    run(main())


@pytest.mark.parametrize("days", [-400, 3])
def test_an_admin_whose_clock_is_wrong_revokes_nobody_by_it(days: int) -> None:
    async def main() -> None:
        async with mesh() as world:
            first, *_, guest = await admins(world, 4, 1)
            await expire(first, guest, 3600)
            await asyncio.sleep(60)
            first.clock.skew = days * 86400.0
            await asyncio.sleep(600)
            assert removed(first) == []
            first.clock.skew = 0.0
            await eventually(lambda: removed(first) == ["d3"], 3600 + SOUGHT_S + 4 * LOOK_S)

    run(main())


def test_a_member_that_is_no_admin_revokes_nobody() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, guest = await admins(world, 3, 1)
            await expire(first, guest, 60)
            await asyncio.sleep(1)
            await first.stop()
            await asyncio.sleep(3600)
            assert removed(second) == []
            first.restart()
            await eventually(lambda: removed(second) == ["d2"], 300)

    run(main())
