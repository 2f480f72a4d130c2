"""The last minutes travel whole."""

from __future__ import annotations

from pathlib import Path

from meshdht.api.asking import ask
from meshdht.api.messages import decode_reply, decode_request, encode_line
from meshdht.api.recent_messages import GetRecent, Recent, RecentPeer, RecentReply
from meshdht.api.server import ApiServer
from tests.api.fake_daemon import FakeService

RECENT = Recent(
    network="home",
    peers=(
        RecentPeer(
            id="l" * 32,
            traffic_ago_s=(9, 2),
            received=(1, 2**40),
            sent=(0, 7),
            probed_ago_s=(25, 0),
            rtt_ms=(None, 7.25),
        ),
    ),
)


def test_a_request_and_its_reply_are_read_as_they_were_written() -> None:
    assert decode_request(encode_line(GetRecent())) == GetRecent()
    assert decode_reply(encode_line(RecentReply(RECENT))) == RecentReply(RECENT)


async def test_a_client_is_told_what_the_daemon_remembers(socket_path: Path) -> None:
    service = FakeService()
    service.remembered = RECENT
    async with ApiServer(socket_path, service):
        assert (await ask(socket_path, GetRecent(), RecentReply)).recent == RECENT
