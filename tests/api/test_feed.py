"""The stream of events that the daemon makes from its status."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from msgspec.structs import replace

from meshdht.api.feed import EventFeed
from meshdht.api.messages import Event, PeerChanged, Snapshot, Status
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, STATUS


class Source:
    """A status that a test changes, and a count of how often it was asked for."""

    def __init__(self) -> None:
        self.snapshot = STATUS
        self.asked = 0

    async def status(self) -> Status:
        self.asked += 1
        return self.snapshot


async def next_of(events: AsyncIterator[Event]) -> Event:
    async with asyncio.timeout(5):
        return await anext(events)


async def test_the_first_event_is_a_snapshot() -> None:
    events = EventFeed(Source().status).events()
    assert await next_of(events) == Snapshot(STATUS)


async def test_a_touch_is_told_long_before_the_interval_ends() -> None:
    source = Source()
    feed = EventFeed(source.status, interval_s=3600)
    events = feed.events()
    await next_of(events)
    changed = replace(LAPTOP, rtt_ms=9.0)
    source.snapshot = replace(STATUS, peers=(PHONE, changed, ATTIC))
    feed.touch()
    assert await next_of(events) == PeerChanged(changed)


async def test_without_a_touch_a_change_is_found_at_the_next_interval() -> None:
    source = Source()
    events = EventFeed(source.status, interval_s=0.01).events()
    await next_of(events)
    changed = replace(LAPTOP, rx_bytes=LAPTOP.rx_bytes + 1)
    source.snapshot = replace(STATUS, peers=(PHONE, changed, ATTIC))
    assert await next_of(events) == PeerChanged(changed)


async def test_a_burst_of_touches_costs_one_look() -> None:
    source = Source()
    feed = EventFeed(source.status, interval_s=3600)
    events = feed.events()
    await next_of(events)
    source.snapshot = replace(STATUS, peers=(PHONE, replace(LAPTOP, rtt_ms=9.0), ATTIC))
    for _ in range(1000):
        feed.touch()
    await next_of(events)
    assert source.asked == 2


async def test_one_who_sleeps_finds_the_latest_state_and_no_backlog() -> None:
    source = Source()
    feed = EventFeed(source.status, interval_s=3600)
    events = feed.events()
    await next_of(events)
    for number in range(1000):
        latest = replace(LAPTOP, rx_bytes=number)
        source.snapshot = replace(STATUS, peers=(PHONE, latest, ATTIC))
        feed.touch()
    assert await next_of(events) == PeerChanged(replace(LAPTOP, rx_bytes=999))
