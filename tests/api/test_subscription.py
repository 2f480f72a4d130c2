"""The stream of events as a program sees it that stays open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshdht.api import asking
from meshdht.api.errors import ApiError, Disconnected, NoDaemon
from meshdht.api.messages import (
    Done,
    Event,
    EventReply,
    Failure,
    PeerChanged,
    Snapshot,
    Welcome,
    encode_line,
)
from meshdht.api.server import ApiServer
from meshdht.api.subscription import subscribe
from meshdht.api.version import API_VERSION
from tests.api.fake_daemon import LAPTOP, STATUS, FakeService

WELCOME = encode_line(Welcome(version=API_VERSION))
FIRST = encode_line(EventReply(sequence=0, event=Snapshot(STATUS)))
UNKNOWN = b'{"type":"event","sequence":1,"event":{"type":"comet_seen"}}\n'


async def test_subscribing_without_a_daemon_says_how_to_start_one(socket_path: Path) -> None:
    with pytest.raises(NoDaemon) as caught:
        await anext(subscribe(socket_path))
    assert "meshdht up" in caught.value.hint


@contextlib.asynccontextmanager
async def answering(path: Path, answer: bytes) -> AsyncIterator[None]:
    """Something on the socket that says ``answer`` to whoever comes, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        yield


async def received(path: Path) -> list[Event]:
    """All events until the stream ends, which it does by an error."""
    events: list[Event] = []
    with contextlib.suppress(Disconnected):
        async with contextlib.aclosing(subscribe(path)) as stream:
            async for event in stream:
                events.append(event)
    return events


async def test_a_snapshot_and_then_what_changes(socket_path: Path) -> None:
    service = FakeService()
    async with ApiServer(socket_path, service), contextlib.aclosing(subscribe(socket_path)) as all_:
        assert await anext(all_) == Snapshot(STATUS)
        faster = replace(LAPTOP, rtt_ms=1.0)
        service.change(faster)
        assert await anext(all_) == PeerChanged(faster)


async def test_an_event_of_a_newer_daemon_is_passed_over(socket_path: Path) -> None:
    async with answering(socket_path, WELCOME + FIRST + UNKNOWN + FIRST):
        assert await received(socket_path) == [Snapshot(STATUS)] * 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed the connection"),
        (WELCOME, "closed the connection"),
        (WELCOME + FIRST[:-1], "closed the connection"),
        (WELCOME + encode_line(Done()), "ended the stream"),
    ],
)
async def test_a_daemon_that_goes_away_is_disconnected(
    socket_path: Path, answer: bytes, said: str
) -> None:
    async with answering(socket_path, answer):
        with pytest.raises(Disconnected, match=said):
            await anext(subscribe(socket_path))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (encode_line(Welcome(version=9)), "speaks version 9"),
        (encode_line(Done()), "greeted with Done"),
        (encode_line(Failure(message="not you")), "not you"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "cannot be read"),
    ],
)
async def test_what_is_no_daemon_of_this_release_is_one_clear_error(
    socket_path: Path, answer: bytes, said: str
) -> None:
    async with answering(socket_path, answer):
        with pytest.raises(ApiError, match=said):
            await anext(subscribe(socket_path))


async def test_a_line_without_end_is_refused(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "REPLY_BYTES_MAX", 100)
    async with answering(socket_path, WELCOME + b" " * 300):
        with pytest.raises(ApiError, match="a line of over 100 bytes"):
            await anext(subscribe(socket_path))


async def test_a_path_too_long_is_a_usage_error(runtime_dir: Path) -> None:
    with pytest.raises(ApiError, match="too long"):
        await anext(subscribe(runtime_dir / ("x" * 120)))
