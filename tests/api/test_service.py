"""Which request a daemon's service hears, and what becomes of the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from meshdht.api.anchor_messages import AnchorsReply, GetAnchors, GetAnchorStatus
from meshdht.api.device_messages import DevicesReply, GetDevices
from meshdht.api.errors import ApiError
from meshdht.api.messages import (
    Done,
    Down,
    EventReply,
    GetStatus,
    Ping,
    PongReply,
    Snapshot,
    StatusReply,
    Subscribe,
)
from meshdht.api.service import NetworkService, closing
from tests.api.fake_daemon import STATUS, FakeService


async def test_each_request_has_its_reply() -> None:
    service = FakeService()
    assert await service.answer(GetStatus()) == StatusReply(STATUS)
    assert isinstance(await service.answer(GetAnchors()), AnchorsReply)
    assert isinstance(await service.answer(GetDevices()), DevicesReply)
    assert await service.answer(Down()) == Done()
    assert service.stopped.is_set()


async def test_a_network_is_no_anchor() -> None:
    with pytest.raises(ApiError, match="a network, not an anchor") as raised:
        await NetworkService.answer(FakeService(), GetAnchorStatus())
    assert raised.value.exit_code == 2


async def test_pings_end_with_done() -> None:
    replies = [each async for each in FakeService().stream(Ping(peer="phone", count=2))]
    assert [type(each) for each in replies] == [PongReply, PongReply, Done]


async def test_events_are_numbered_and_end_with_their_reader() -> None:
    service = FakeService()
    async with closing(service.stream(Subscribe())) as replies:
        first = await anext(replies)
        assert first == EventReply(0, Snapshot(STATUS))
        assert service.streams_open == 1
    assert service.streams_open == 0


async def test_what_is_no_generator_needs_no_closing() -> None:
    class Once:
        def __aiter__(self) -> AsyncIterator[int]:
            return self

        async def __anext__(self) -> int:
            return 1

    async with closing(Once()) as numbers:
        assert await anext(numbers) == 1
