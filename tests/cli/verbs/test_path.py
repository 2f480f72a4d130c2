"""Path: every way to a peer, as people and scripts read it."""

from __future__ import annotations

import json

import pytest

from tests.api.fake_daemon import WHY
from tests.cli.conftest import Meshdht

pytestmark = pytest.mark.usefixtures("service")


def test_every_way_has_a_line_and_the_one_in_use_a_star(meshdht: Meshdht) -> None:
    result = meshdht("path", "phone")
    assert result.code == 0
    assert result.out.splitlines() == [
        "phone: relay vps",
        f"why: {WHY}",
        "NAT here: no NAT; there: one port for all, lets everybody in",
        "*  192.0.2.1:40001     relay   alive   84.0 ms  answered 4 s ago",
        "   198.51.100.9:41820  direct  silent        –  –                 9 probes unanswered",
    ]


def test_without_a_path_it_says_why_and_exits_1(meshdht: Meshdht) -> None:
    result = meshdht("path", "attic")
    assert result.code == 1
    assert result.out.splitlines()[:2] == ["attic: no path", "why: it is off"]
    assert result.out.splitlines()[-1] == "no address of it is known"


def test_json_is_the_report(meshdht: Meshdht) -> None:
    report = json.loads(meshdht("path", "phone", "--json").out)
    assert report["why"] == WHY
    assert [pair["best"] for pair in report["pairs"]] == [True, False]


def test_an_unknown_peer_is_the_users_error(meshdht: Meshdht) -> None:
    assert meshdht("path", "nobody").code == 2
