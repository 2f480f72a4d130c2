"""Whose an address or a name is, as text and JSON."""

from __future__ import annotations

import json

from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


def test_a_device_is_told_in_full(meshdht: Meshdht, service: FakeService) -> None:
    lines = meshdht("whois", "100.64.7.2").out.splitlines()
    assert lines[0].split() == ["name", "laptop"]
    assert "wireguard key" in lines[-1]
    assert not any(line.startswith("tags") for line in lines)


def test_json_has_every_match(meshdht: Meshdht, service: FakeService) -> None:
    told = json.loads(meshdht("whois", "nas", "--json").out)
    assert (told["version"], told["network"]) == (1, "home")
    assert told["matches"][0]["device"]["this_device"] is True


def test_nobodys_is_exit_code_2(meshdht: Meshdht, service: FakeService) -> None:
    result = meshdht("whois", "192.0.2.1")
    assert (result.code, result.out) == (2, "")
