"""Who is linked to whom, as text and as JSON."""

from __future__ import annotations

import json

from msgspec.structs import replace

from tests.api.fake_daemon import FakeService
from tests.api.fake_looks import LINKS
from tests.cli.conftest import Meshdht


def test_a_line_a_link_says_how_good_it_is_and_who_says_so(
    meshdht: Meshdht, service: FakeService
) -> None:
    result = meshdht("links")
    assert result.code == 0
    assert [line.split() for line in result.out.splitlines()] == [
        ["FROM", "TO", "PATH", "ROUND", "TRIP", "LOSS", "TOLD", "BY"],
        ["nas", "laptop", "direct", "7.2", "ms", "–", "this", "device"],
        ["nas", "phone", "relay", "84.0", "ms", "–", "this", "device"],
        ["laptop", "phone", "direct", "31.0", "ms", "12%", "laptop"],
    ]
    assert result.err == "no answer from phone: their links are told by others alone\n"


def test_alone_there_is_no_link(meshdht: Meshdht, service: FakeService) -> None:
    service.links_told = replace(LINKS, links=(), silent=())
    result = meshdht("links")
    assert (result.code, result.out) == (0, "")
    assert "meshdht invite" in result.err


def test_json_has_both_ends_of_each(meshdht: Meshdht, service: FakeService) -> None:
    told = json.loads(meshdht("links", "--json").out)
    assert (told["version"], told["network"], told["silent"]) == (1, "home", ["phone"])
    assert set(told["links"][0]) == {
        *("ends", "ids", "kind", "rtt_ms", "loss", "told_by", "own"),
    }
