"""Lines out and in again, and what happens to lines that nobody should have sent."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.api.device_messages import Devices, DevicesReply, GetDevices
from meshdht.api.errors import ApiError
from meshdht.api.messages import (
    CreateInvite,
    Done,
    Down,
    EventReply,
    Failure,
    GetStatus,
    Hello,
    Invite,
    InviteReply,
    Peer,
    PeerChanged,
    PeerRemoved,
    Ping,
    Pong,
    PongReply,
    Snapshot,
    StatusReply,
    Subscribe,
    UnknownEvent,
    Welcome,
    decode_reply,
    decode_request,
    encode_line,
)
from tests.api.fake_daemon import LAPTOP, STATUS
from tests.api.strategies import paths, peers, statuses, texts

requests = st.one_of(
    st.builds(Hello, version=st.integers(0, 99), client=texts),
    st.builds(GetStatus),
    st.builds(GetDevices),
    st.builds(
        CreateInvite,
        name=st.none() | texts,
        expires_s=st.integers(1, 366 * 86400),
        uses=st.integers(1, 1000),
        tags=st.lists(st.text(min_size=1, max_size=20), max_size=8).map(tuple),
        ephemeral_s=st.integers(0, 366 * 86400),
        approve=st.booleans(),
    ),
    st.builds(
        Ping,
        peer=st.text(min_size=1, max_size=20),
        count=st.integers(1, 1_000_000),
        timeout_s=st.floats(0.001, 300),
        until_direct=st.booleans(),
    ),
    st.builds(Subscribe),
    st.builds(Down),
)
replies = st.one_of(
    st.builds(Welcome, version=st.integers(0, 99), daemon=texts),
    st.builds(StatusReply, statuses),
    st.builds(DevicesReply, st.builds(Devices, network=texts, devices=st.just(()))),
    st.builds(InviteReply, st.builds(Invite, link=texts, expires=st.integers(0, 2**40))),
    st.builds(
        PongReply,
        st.builds(
            Pong,
            peer=texts,
            sequence=st.integers(0, 99),
            path=paths,
            rtt_ms=st.none() | st.floats(0, 1e6),
        ),
    ),
    st.builds(
        EventReply,
        st.integers(0, 99),
        st.builds(Snapshot, statuses)
        | st.builds(PeerChanged, peers)
        | st.builds(PeerRemoved, texts),
    ),
    st.builds(Done),
    st.builds(Failure, message=texts, hint=texts, exit_code=st.integers(0, 255)),
)


@given(requests)
def test_a_request_survives_its_line(request_: Any) -> None:
    line = encode_line(request_)
    assert line.count(b"\n") == 1
    assert decode_request(line) == request_


@given(replies)
def test_a_reply_survives_its_line(reply: Any) -> None:
    line = encode_line(reply)
    assert line.count(b"\n") == 1
    assert decode_reply(line) == reply


def outcome(decode: Any, line: bytes) -> object:
    try:
        return decode(line)
    except ApiError as error:
        return error


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error_for_the_user(line: bytes) -> None:
    for decode in (decode_request, decode_reply):
        assert isinstance(outcome(decode, line), (msgspec.Struct, ApiError))


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b'{"type": "reboot"}',
        b'{"type": "ping"}',
        b'{"type": "ping", "peer": ""}',
        b'{"type": "ping", "peer": "nas", "count": 0}',
        b'{"type": "invite", "expires_s": -1}',
        b'{"type": "invite", "uses": 1e9}',
        b'{"type": "hello", "version": "one"}',
    ],
)
def test_a_request_outside_its_bounds_is_a_usage_error(line: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        decode_request(line)
    assert caught.value.exit_code == 2


def test_unknown_fields_are_passed_over() -> None:
    assert decode_request(b'{"type": "status", "colour": "red"}') == GetStatus()
    line = encode_line(StatusReply(STATUS))
    grown = json.loads(line)
    grown["status"]["moon"] = "full"
    grown["status"]["peers"][0]["battery"] = 81
    assert decode_reply(json.dumps(grown).encode()) == StatusReply(STATUS)


def test_an_event_of_a_newer_daemon_is_passed_over() -> None:
    line = b'{"type": "event", "sequence": 4, "event": {"type": "eclipse", "of": "moon"}}'
    assert decode_reply(line) == UnknownEvent()


def test_a_known_event_that_is_damaged_is_an_error() -> None:
    with pytest.raises(ApiError, match="cannot be read"):
        decode_reply(b'{"type": "event", "sequence": 4, "event": {"type": "peer_changed"}}')


def test_status_has_the_keys_that_scripts_lean_on() -> None:
    shown = json.loads(encode_line(STATUS))
    assert list(shown)[:5] == ["version", "network", "engine", "device", "peers"]
    assert shown["version"] == 1
    assert set(shown["device"]) == {"name", "id", "addresses"}
    laptop = next(peer for peer in shown["peers"] if peer["name"] == "laptop")
    assert set(laptop) == {
        *("name", "id", "addresses", "online", "path"),
        *("handshake_age_s", "rtt_ms", "rx_bytes", "tx_bytes", "loss", "tags", "release"),
    }
    path = {"kind": "direct", "endpoint": "192.0.2.7:51820", "why": "", "tls": False}
    path |= dict.fromkeys(("relay", "mtu"))
    assert laptop["path"] == path


def test_an_invite_has_exactly_the_keys_that_scripts_lean_on() -> None:
    shown = json.loads(encode_line(Invite(link="meshdht://x", expires=5)))
    assert shown == {
        "version": 1, "link": "meshdht://x", "expires": 5, "uses": 1, "tags": [],
        "ephemeral_s": 0, "approve": False,
    }  # fmt: skip


def test_a_peer_never_seen_has_no_path_and_no_ages() -> None:
    peer = Peer(name="new", id="x", addresses=(), online=False)
    assert (peer.path.kind, peer.handshake_age_s, peer.rtt_ms) == ("none", None, None)
    assert LAPTOP.path.kind == "direct"
