"""How devices and anchors are put out, or go: a real node, an engine that only remembers."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.api.removal_messages import Revoke
from meshdht.errors import MeshdhtError, StateError, UsageError
from simulations.loop import run
from tests.daemon.served import served
from tests.support.anchor import Holder
from tests.support.anchor import link_of as anchor_link_of
from tests.support.mesh import eventually


def test_a_device_is_put_out_by_any_of_its_names_and_others_follow() -> None:
    async def main() -> None:
        async with served(3) as (_, (first, second, third)):
            gone = third.machine.node.identity.device
            told = await first.service.administration.revoke(Revoke(device=str(gone)))
            assert (told.id, told.generation) == (str(gone), 2)
            assert (told.spread.devices, told.spread.waiting) == (1, ("d1",))
            assert await eventually(lambda: gone not in second.machine.node.roster)
            await asyncio.sleep(1)
            spread = await first.service.administration.spread()
            assert (spread.generation, spread.devices, spread.know) == (2, 1, 1)
            assert spread.waiting == spread.offline == ()
            with pytest.raises(UsageError, match="no device"):
                await first.service.administration.revoke(Revoke(device=str(gone)))
            with pytest.raises(UsageError, match="'d0' is this device") as raised:
                await first.service.administration.revoke(Revoke(device="d0"))
            assert "meshdht leave" in raised.value.hint
            with pytest.raises(MeshdhtError, match="only an admin"):
                await second.service.administration.revoke(Revoke(device=str(first.machine.id)))

    run(main())


def test_an_anchor_is_put_out_by_its_name() -> None:
    async def main() -> None:
        async with served(2) as (world, (first, _)):
            link = await anchor_link_of(first.machine)
            Holder(world, link)
            roster = first.machine.node.holdings
            assert await eventually(lambda: bool(roster.roster.anchors))
            name = roster.roster.anchors[0].name
            assert (await first.service.administration.revoke(Revoke(device=name))).name == name
            assert not roster.roster.anchors

    run(main())


def test_an_admin_begins_a_new_secret_and_the_others_follow() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, second)):
            began = await first.service.administration.rotate()
            assert (began.generation, began.spread.generation) == (2, 2)
            await asyncio.sleep(2)
            assert second.machine.node.identity.generation.number == 2
            assert (await first.service.administration.spread()).know == 1
            with pytest.raises(MeshdhtError, match="only an admin may begin a new network secret"):
                await second.service.administration.rotate()

    run(main())


def test_a_device_leaves_and_its_daemon_stops() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, second)):
            left = await second.service.administration.leave()
            assert (left.network, left.name, left.told) == ("home", "d1", True)
            assert left.directory == "/var/lib/meshdht/home"
            assert second.stops == [True]
            assert second.machine.id not in first.machine.node.roster

    run(main())


def test_a_device_that_may_not_leave_goes_on() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, _)):
            with pytest.raises(UsageError, match="d0 is the only admin"):
                await first.service.administration.leave()
            assert first.stops == []
            assert not first.machine.node.is_ending

    run(main())


def test_a_device_that_has_left_stops_though_its_disk_refused() -> None:
    async def main() -> None:
        async with served(2) as (_, (_, second)):
            second.machine.store.failing = True
            with pytest.raises(StateError, match="disk"):
                await second.service.administration.leave()
            assert second.stops == [True]

    run(main())


def test_the_last_device_stops_without_a_word() -> None:
    async def main() -> None:
        async with served(1) as (_, (first,)):
            assert not (await first.service.administration.leave()).told
            assert first.stops == [True]

    run(main())
