"""What there is to see of the DHT travels whole."""

from __future__ import annotations

from pathlib import Path

from meshdht.api.asking import ask
from meshdht.api.dht_messages import DhtReply, GetDht
from meshdht.api.messages import decode_reply, decode_request, encode_line
from meshdht.api.server import ApiServer
from tests.api.fake_daemon import FakeService
from tests.api.fake_looks import DHT


def test_a_request_and_its_reply_are_read_as_they_were_written() -> None:
    assert decode_request(encode_line(GetDht())) == GetDht()
    assert decode_reply(encode_line(DhtReply(DHT))) == DhtReply(DHT)


async def test_a_client_is_told_of_the_dht_in_a_versioned_answer(socket_path: Path) -> None:
    async with ApiServer(socket_path, FakeService()):
        report = (await ask(socket_path, GetDht(), DhtReply)).report
    assert report == DHT
    assert report.version == 1
