"""The messages about a peer's paths, on the wire."""

from __future__ import annotations

import json

import pytest

from meshdht.api.errors import ApiError
from meshdht.api.messages import decode_reply, decode_request, encode_line
from meshdht.api.path_messages import GetPath, PathReply
from tests.api.fake_daemon import PHONE_PATH


def test_they_travel_as_lines() -> None:
    assert decode_request(encode_line(GetPath("nas"))) == GetPath("nas")
    assert decode_reply(encode_line(PathReply(PHONE_PATH))) == PathReply(PHONE_PATH)


def test_a_peer_without_a_name_is_refused() -> None:
    with pytest.raises(ApiError, match="peer"):
        decode_request(encode_line(GetPath("")))


def test_its_keys_are_a_promise_to_scripts() -> None:
    report = json.loads(encode_line(PathReply(PHONE_PATH)))["report"]
    assert set(report) == {
        "version",
        "peer",
        "id",
        "kind",
        "pairs",
        "relay",
        "why",
        "nat_here",
        "nat_there",
    }
    assert set(report["pairs"][0]) == {
        "endpoint",
        "kind",
        "state",
        "best",
        "rtt_ms",
        "answered_s",
        "unanswered",
        "note",
        "error",
    }
