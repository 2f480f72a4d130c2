"""A device replaces its keys, and its daemon is started again by them."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.errors import StateError
from simulations.loop import run
from tests.daemon.served import served
from tests.support.mesh import eventually


def test_a_device_replaces_its_keys_tells_the_others_and_its_daemon_starts_again() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, second)):
            former = second.machine.node.identity.device
            told = await second.service.administration.replace_keys()
            assert (told.network, told.name, told.former) == ("home", "d1", str(former))
            assert told.id != told.former
            assert (second.restarts, second.stops) == ([True], [])
            assert second.machine.node.is_ending
            roster = first.machine.node.holdings
            assert await eventually(
                lambda: (
                    {str(each.id) for each in roster.roster}
                    == {str(first.machine.node.identity.device), told.id}
                )
            )

    run(main())


def test_keys_are_replaced_once_at_a_time() -> None:
    async def main() -> None:
        async with served(1) as (_, (first,)):
            administration = first.service.administration
            async with asyncio.TaskGroup() as tasks:
                replacing = tasks.create_task(administration.replace_keys())
                await asyncio.sleep(0)
                with pytest.raises(StateError, match="keys are being replaced just now"):
                    await administration.replace_keys()
            assert replacing.result().name == "d0"
            assert first.restarts == [True]

    run(main())


def test_a_disk_that_refuses_leaves_the_device_its_keys() -> None:
    async def main() -> None:
        async with served(2) as (_, (_, second)):
            second.machine.store.failing = True
            with pytest.raises(StateError, match="disk"):
                await second.service.administration.replace_keys()
            assert second.restarts == []
            assert not second.machine.node.is_ending

    run(main())
