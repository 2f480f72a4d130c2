"""One request a connection, for programs that stay open."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from meshdht.api.asking import ask, pings
from meshdht.api.errors import ApiError, Disconnected, NoDaemon
from meshdht.api.invite_messages import GetInvites, InvitesReply
from meshdht.api.messages import CreateInvite, GetStatus, InviteReply, Ping, StatusReply
from meshdht.api.server import ApiServer
from tests.api.fake_daemon import LINK, STATUS, FakeService


async def test_the_answer_to_a_request(socket_path: Path) -> None:
    async with ApiServer(socket_path, FakeService()):
        assert (await ask(socket_path, GetStatus(), StatusReply)).status == STATUS
        assert (await ask(socket_path, CreateInvite(), InviteReply)).invite.link == LINK


async def test_what_the_daemon_refuses_is_an_error_with_its_words(socket_path: Path) -> None:
    async with ApiServer(socket_path, FakeService()):
        with pytest.raises(ApiError, match="called nas already") as caught:
            await ask(socket_path, CreateInvite(name="nas"), InviteReply)
    assert (caught.value.hint, caught.value.exit_code) == ("choose another --name", 2)


async def test_an_answer_of_another_kind_is_an_error(socket_path: Path) -> None:
    async with ApiServer(socket_path, FakeService()):
        with pytest.raises(ApiError, match="with InvitesReply, not StatusReply"):
            await ask(socket_path, GetInvites(), StatusReply)
        assert await ask(socket_path, GetInvites(), InvitesReply)


async def test_without_a_daemon_it_says_how_to_start_one(socket_path: Path) -> None:
    with pytest.raises(NoDaemon) as caught:
        await ask(socket_path, GetStatus(), StatusReply)
    assert "meshdht up" in caught.value.hint


async def test_a_daemon_that_says_nothing_is_not_waited_for_for_ever(socket_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(silent, socket_path):
        with pytest.raises(ApiError, match="did not answer within 0 s"):
            await ask(socket_path, GetStatus(), StatusReply, timeout_s=0.05)


async def test_a_daemon_that_goes_before_it_answers_is_disconnected(socket_path: Path) -> None:
    async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(gone, socket_path):
        with pytest.raises(Disconnected):
            await ask(socket_path, GetStatus(), StatusReply)


async def test_pongs_come_one_by_one_and_end(socket_path: Path) -> None:
    async with ApiServer(socket_path, FakeService()):
        request = Ping(peer="phone", count=3)
        assert [pong.sequence async for pong in pings(socket_path, request)] == [0, 1, 2]


async def test_pings_that_are_left_early_end_in_the_daemon_too(socket_path: Path) -> None:
    service = FakeService()
    async with ApiServer(socket_path, service):
        async with contextlib.aclosing(pings(socket_path, Ping(peer="phone", count=1000))) as pongs:
            await anext(pongs)
            assert service.streams_open == 1
        for _ in range(200):
            if not service.streams_open:
                break
            await asyncio.sleep(0.01)
        assert service.streams_open == 0
