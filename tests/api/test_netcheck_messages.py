"""A check of the network travels whole."""

from __future__ import annotations

from pathlib import Path

import msgspec

from meshdht.api.client import Client
from meshdht.api.messages import decode_reply, decode_request, encode_line
from meshdht.api.netcheck_messages import GetNetCheck, NetCheck, NetCheckReply
from tests.api.fake_daemon import NETCHECK, serving, short_directory


def test_a_request_and_its_reply_are_read_as_they_were_written() -> None:
    assert decode_request(encode_line(GetNetCheck())) == GetNetCheck()
    assert decode_reply(encode_line(NetCheckReply(NETCHECK))) == NetCheckReply(NETCHECK)


def test_a_client_is_told_what_the_daemon_found() -> None:
    with short_directory() as directory:
        path: Path = directory / "home.sock"
        with serving(path), Client(path) as daemon:
            assert daemon.netcheck() == NETCHECK


def test_what_is_not_known_has_a_word_of_its_own() -> None:
    told = msgspec.json.decode(msgspec.json.encode(NetCheck(network="home", udp="unknown")))
    assert told["nat"] == {
        "mapping": "unknown",
        "filtering": "unknown",
        "hairpin": None,
        "port_preserved": None,
        "lifetime_s": None,
        "forgets": True,
    }
