"""What happened since the daemon's start."""

from __future__ import annotations

import asyncio

from meshdht.api.history_messages import GetHistory, Happening, HistoryReply
from meshdht.limits import HAPPENINGS_REMEMBERED
from meshdht.membership.administration import RenameBody
from meshdht.node.administering import act
from simulations.loop import run
from tests.daemon.served import Served, served


async def told(served: Served, after: int = 0) -> list[Happening]:
    return list((await served.service.history(GetHistory(after=after))).happenings)


def test_paths_that_come_and_go_are_told_with_why() -> None:
    async def main() -> None:
        async with served(2) as (_, [first, second]):
            assert [each.text for each in await told(first)] == ["the daemon started"]
            first.service.path_changed(second.machine.id)
            first.service.path_changed(second.machine.id)
            [came] = await told(first, after=1)
            assert (came.kind, came.about, came.sequence) == ("path", "d1", 2)
            assert came.text == f"direct by {second.machine.endpoint}"
            await second.machine.stop()
            first.machine.node.watched()
            await asyncio.sleep(120)
            first.service.path_changed(second.machine.id)
            [gone] = await told(first, after=2)
            assert gone.text.startswith("lost: ")
            assert gone.when > came.when
            first.service.path_changed(second.machine.id)
            assert await told(first, after=3) == []

    run(main())


def test_members_that_come_and_are_renamed_are_told() -> None:
    async def main() -> None:
        async with served(2) as (world, [first, second]):
            await world.grow(3)
            first.service.roster_changed()
            assert [(each.about, each.text) for each in await told(first, after=1)] == [
                ("d2", "is a member now")
            ]
            device = first.machine.node.roster.device(second.machine.id)
            assert device is not None
            await act(first.machine.node, RenameBody(device.verify_key, "barn"))
            first.service.roster_changed()
            assert [(each.about, each.text) for each in await told(first, after=2)] == [
                ("barn", "was called d1")
            ]

    run(main())


def test_a_path_that_flaps_fills_no_memory() -> None:
    async def main() -> None:
        async with served(2) as (_, [first, second]):
            chronicle = first.service._chronicle
            for _ in range(HAPPENINGS_REMEMBERED):
                chronicle.path_changed(second.machine.id)
                chronicle._paths.clear()
            kept = await told(first)
            assert len(kept) == HAPPENINGS_REMEMBERED
            assert kept[0].sequence == 2

    run(main())


def test_it_answers_the_request_of_the_api() -> None:
    async def main() -> None:
        async with served(1) as (_, [first]):
            reply = await first.service.answer(GetHistory())
            assert isinstance(reply, HistoryReply)
            assert [each.kind for each in reply.history.happenings] == ["daemon"]

    run(main())
