"""Ping: the path it names, when it stops, what its exit code says."""

from __future__ import annotations

import json

import pytest

from meshdht.api.messages import Peer
from tests.api.fake_daemon import LAPTOP, WHY, FakeService
from tests.cli.conftest import Meshdht

pytestmark = pytest.mark.usefixtures("service")


def test_it_stops_once_the_path_is_direct(meshdht: Meshdht) -> None:
    result = meshdht("ping", "laptop")
    assert result == (0, "laptop: direct 192.0.2.7:51820, 7.2 ms\n", "")


def test_it_goes_on_where_told_to(meshdht: Meshdht) -> None:
    result = meshdht("ping", "laptop", "-c", "3", "--no-until-direct")
    assert result.out.count("\n") == 3


def test_over_a_relay_it_says_that_no_path_is_direct_yet(meshdht: Meshdht) -> None:
    result = meshdht("ping", "-c", "2", "phone")
    assert result.code == 0
    assert result.out == "phone: relay vps, 84.0 ms\n" * 2
    assert f"no direct path to phone yet; it is reached by relay vps: {WHY}" in result.err


def test_no_answer_at_all_is_exit_code_1(meshdht: Meshdht) -> None:
    result = meshdht("ping", "attic", "-c", "2", "--timeout", "0.5")
    assert result.code == 1
    assert result.out == "attic: no answer within 0.5 s\n" * 2
    assert result.err.startswith("meshdht: attic did not answer\n  try: ")


def test_json_is_one_object_a_line(meshdht: Meshdht) -> None:
    result = meshdht("ping", "phone", "-c", "2", "--json")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["sequence"] for line in lines] == [0, 1]
    path = dict[str, object](kind="relay", endpoint=None, relay="vps", mtu=None, why=WHY, tls=False)
    assert lines[0]["path"] == path
    assert (lines[0]["rtt_ms"], lines[0]["version"]) == (84.0, 1)


def test_an_unknown_peer_is_the_users_error(meshdht: Meshdht) -> None:
    result = meshdht("ping", "nobody")
    assert result.code == 2
    assert result.err == "meshdht: no peer is called 'nobody'\n  try: meshdht peers lists them\n"


def test_a_name_with_escape_codes_cannot_command_the_terminal(
    meshdht: Meshdht, service: FakeService
) -> None:
    service.change(Peer(name="\x1b[2Jx", id="e", addresses=(), online=True, path=LAPTOP.path))
    assert "\x1b" not in meshdht("ping", "e").out
    assert "\x1b" not in meshdht("status").out
