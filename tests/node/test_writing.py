"""Statements of our own: on disk when their writer hears so, and none that could not count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from meshdht.errors import StateError
from meshdht.membership.administration import GrantAdminBody, RenameBody
from meshdht.membership.log import MembershipLog
from meshdht.node.administering import act, leave, replace_keys
from simulations.loop import run
from tests.support.mesh import Machine, eventually, mesh


def test_a_statement_that_the_disk_refuses_is_an_error_for_its_writer() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            first.store.failing = True
            with pytest.raises(StateError, match="could not be written"):
                await first.invite()

    run(main())


def test_a_log_that_takes_no_more_is_an_error_for_its_writer() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            await first.invite()
            log = MembershipLog(first.node.identity.network, statements_max=2)
            for statement in first.node.holdings.log:
                log.add(statement.raw)
            first.node.holdings.log = log
            with pytest.raises(StateError, match="the membership log is full: it has 2"):
                await first.invite()

    run(main())


async def refusals(machine: Machine) -> list[str]:
    """What it says to all that it could still be asked to say."""
    node, said = machine.node, []
    asks: list[Callable[[], Coroutine[None, None, object]]] = [
        lambda: act(node, RenameBody(node.identity.signing.public, "late")),
        lambda: replace_keys(node),
        lambda: leave(node),
        lambda: machine.invite(),
        lambda: node.rotator.rotate(),
        lambda: node.rotator.revoke(node.roster.devices[-1].verify_key),
    ]
    for ask in asks:
        with pytest.raises(StateError) as raised:
            await ask()
        said.append(raised.value.message)
    return said


def test_nothing_is_said_by_keys_that_are_being_replaced() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await act(first.node, GrantAdminBody(second.node.identity.signing.public))
            await eventually(lambda: second.node.own is not None and second.node.own.admin)
            second.store.latency_s = 0.5
            replacing = world.tasks.create_task(replace_keys(second.node))
            await asyncio.sleep(0.1)
            assert second.node.is_ending
            said = await refusals(second)
            assert set(said) == {"this device's keys are being replaced just now"}
            heir = await replacing
            assert set(await refusals(second)) == set(said)
            await second.stop(crash=True)
            second.restart()
            await eventually(lambda: heir in first.node.roster and heir in third.node.roster)
            assert [each.reason for each in third.node.roster.rejections] == []

    run(main())


def test_who_asks_to_be_let_in_meanwhile_is_let_in_by_the_new_keys() -> None:
    async def main() -> None:
        async with mesh() as world:
            (first,) = await world.grow(1)
            link = await first.invite()
            held = len(first.node.holdings.log)
            first.store.latency_s = 0.5
            replacing = world.tasks.create_task(replace_keys(first.node))
            await asyncio.sleep(0.1)
            joining = world.tasks.create_task(world.join(link))
            await replacing
            await asyncio.sleep(1.0)
            assert not joining.done()
            assert len(first.node.holdings.log) == held
            await first.stop(crash=True)
            first.store.latency_s = 0.0
            first.restart()
            joined = await joining
            await eventually(lambda: first.reaches(joined))
            assert joined.node.own is not None
            assert not joined.node.roster.rejections

    run(main())


def test_what_was_said_before_the_keys_were_replaced_is_on_disk_before_them() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            world.internet.blocked = lambda source, to: True
            key = second.node.identity.signing.public
            second.store.failing = True
            with pytest.raises(StateError, match="could not be written"):
                await act(second.node, RenameBody(key, "attic"))
            second.store.failing = False
            second.store.latency_s = 0.5
            naming = world.tasks.create_task(act(second.node, RenameBody(key, "cellar")))
            await asyncio.sleep(0.1)
            await replace_keys(second.node)
            assert naming.done()
            await second.stop(crash=True)
            world.internet.blocked = lambda source, to: False
            second.restart()
            assert second.node.own is not None
            assert second.node.own.name == "cellar"
            await eventually(lambda: first.node.roster.name_of(second.id) == "cellar")

    run(main())


def test_a_device_that_is_leaving_says_nothing_more_unless_nobody_hears_of_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await act(first.node, GrantAdminBody(second.node.identity.signing.public))
            await eventually(lambda: second.node.own is not None and second.node.own.admin)
            world.internet.blocked = lambda source, to: True
            leaving = asyncio.gather(leave(second.node), return_exceptions=True)
            await asyncio.sleep(0.1)
            assert set(await refusals(second)) == {"this device is leaving the network just now"}
            (failed,) = await leaving
            assert isinstance(failed, StateError)
            assert not second.node.is_ending
            await act(second.node, RenameBody(second.node.identity.signing.public, "here"))

    run(main())
