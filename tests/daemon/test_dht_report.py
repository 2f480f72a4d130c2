"""The DHT as the API tells it."""

from __future__ import annotations

import asyncio

from meshdht.api.dht_messages import GetDht
from simulations.loop import run
from tests.daemon.served import served


def test_a_report_names_the_contacts_and_whose_records_are_held() -> None:
    async def main() -> None:
        async with served(3) as (_, [first, second, _]):
            await asyncio.sleep(60)
            report = await first.service.dht()
            assert (report.network, report.nodes, report.k) == ("home", 2, 20)
            assert report.id == str(first.machine.id)
            assert sorted(each.name for each in report.contacts) == ["d1", "d2"]
            known = {each.id: each for each in report.contacts}
            assert known[str(second.machine.id)].endpoint == str(second.machine.endpoint)
            assert {each.kind for each in report.contacts} == {"device"}
            assert sum(each.contacts for each in report.buckets) == 2
            assert any(each.own for each in report.buckets)
            assert {each.about for each in report.values} == {"d0", "d1", "d2"}
            assert report.held == len(report.values)
            assert report.held_bytes == sum(each.bytes for each in report.values)
            assert [each.source for each in report.values if each.about == "d0"] == ["own"]
            assert all(0 < each.expires_s <= 86400 for each in report.values)
            published = [each for each in report.searches if each.kind == "publish"]
            assert published
            assert published[0].about == "d0"
            assert published[0].found

    run(main())


def test_it_answers_the_request_of_the_api() -> None:
    async def main() -> None:
        async with served(1) as (_, [first]):
            reply = await first.service.answer(GetDht())
            assert getattr(reply, "report", None) == await first.service.dht()

    run(main())
