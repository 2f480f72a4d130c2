"""What happened since the daemon's start travels whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdht.api.asking import ask
from meshdht.api.errors import ApiError
from meshdht.api.history_messages import GetHistory, HistoryReply
from meshdht.api.messages import decode_reply, decode_request, encode_line
from meshdht.api.server import ApiServer
from tests.api.fake_daemon import FakeService
from tests.api.fake_looks import HISTORY


def test_a_request_and_its_reply_are_read_as_they_were_written() -> None:
    assert decode_request(encode_line(GetHistory(after=7))) == GetHistory(after=7)
    assert decode_reply(encode_line(HistoryReply(HISTORY))) == HistoryReply(HISTORY)


def test_there_is_nothing_before_the_first() -> None:
    with pytest.raises(ApiError) as caught:
        decode_request(b'{"type": "history", "after": -1}')
    assert caught.value.exit_code == 2


async def test_a_client_asks_for_what_it_does_not_have(socket_path: Path) -> None:
    async with ApiServer(socket_path, FakeService()):
        history = (await ask(socket_path, GetHistory(after=3), HistoryReply)).history
    assert history.version == 1
    assert history.happenings == HISTORY.happenings[3:]
