"""Who is linked to whom, as the local API tells it."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from meshdht.crypto.keys import DeviceId
from meshdht.wire.links import Link, LinkKind
from simulations.loop import run
from tests.daemon.served import served


def test_own_links_come_first_and_those_of_others_with_who_says_so() -> None:
    async def main() -> None:
        async with served(3) as (_, [first, second, third]):
            await asyncio.sleep(10)
            report = await first.service.links()
            assert (report.version, report.network, report.silent) == (1, "home", ())
            assert [(each.ends, each.own, each.told_by) for each in report.links] == [
                (("d0", "d1"), True, ("d0",)),
                (("d0", "d2"), True, ("d0",)),
                (("d1", "d2"), False, ("d1", "d2")),
            ]
            assert {each.kind for each in report.links} == {"direct"}
            last = report.links[-1]
            assert last.ids == (str(second.machine.id), str(third.machine.id))
            assert last.rtt_ms == 40.0

    run(main())


def test_where_two_differ_the_worse_is_told() -> None:
    async def main() -> None:
        async with served(3) as (_, [first, second, third]):
            await asyncio.sleep(10)
            relayed = [Link(third.machine.id, LinkKind.RELAY, 0.5, 0.25)]
            with patch.object(second.machine.node.links, "own", return_value=relayed):
                last = (await first.service.links()).links[-1]
            assert (last.kind, last.rtt_ms) == ("relay", 500.0)
            assert abs((last.loss or 0) - 0.25) < 0.01

    run(main())


def test_lies_about_this_device_or_who_is_no_member_are_passed_over() -> None:
    async def main() -> None:
        async with served(3) as (_, [first, second, _third]):
            await asyncio.sleep(10)
            honest = (await first.service.links()).links
            lies = [
                Link(DeviceId(bytes([number]) * 20), LinkKind.LAN, 0.001) for number in range(20)
            ]
            lies += [Link(first.machine.id, LinkKind.RELAY), Link(second.machine.id, LinkKind.LAN)]
            await asyncio.sleep(10)
            with patch.object(second.machine.node.links, "own", return_value=lies):
                told = (await first.service.links()).links
            assert [(each.ends, each.kind) for each in told] == [
                (each.ends, each.kind) for each in honest
            ]
            assert told[-1].told_by == ("d2",)

    run(main())


def test_who_is_connected_and_does_not_answer_is_named() -> None:
    async def main() -> None:
        async with served(3) as (_, [first, second, _third]):
            await asyncio.sleep(10)
            second.machine.node._dispatcher._on_links = lambda incoming: None
            report = await first.service.links()
            assert report.silent == ("d1",)
            assert [each.told_by for each in report.links if not each.own] == [("d2",)]

    run(main())
