"""Settings, read and changed."""

from __future__ import annotations

import json

from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


def test_all_settings_are_shown_with_when_they_count(
    meshdht: Meshdht, service: FakeService
) -> None:
    assert meshdht("get").out.splitlines() == [
        "anchors       vps.example:41820  at start",
        "engine        auto               at start: embedded",
        "log_level     info               live",
        "mtu           default            live",
        "port_mapping  true               live",
    ]


def test_one_is_printed_bare_for_a_script(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("get", "log_level").out == "info\n"
    told = json.loads(meshdht("get", "port_mapping", "--json").out)
    assert [each["value"] for each in told["settings"]] == [True]
    result = meshdht("get", "loglevel")
    assert (result.code, "meshdht get log_level" in result.err) == (2, True)


def test_several_are_changed_at_once(meshdht: Meshdht, service: FakeService) -> None:
    result = meshdht("set", "log_level=info", "mtu=default")
    assert result.out == "log_level is info now\nmtu is default now\n"
    assert [each.values for each in service.changes] == [{"log_level": "info", "mtu": "default"}]
    assert json.loads(meshdht("set", "mtu=default", "--json").out)["version"] == 1


def test_what_waits_for_the_next_start_is_said_with_the_command(
    meshdht: Meshdht, service: FakeService
) -> None:
    result = meshdht("set", "mtu=default", "engine=embedded")
    assert result.out == "engine is embedded from the next start on\nmtu is default now\n"
    assert result.err == "start anew: sudo meshdht down && sudo meshdht up\n"


def test_a_daemons_refusal_is_passed_on(meshdht: Meshdht, service: FakeService) -> None:
    result = meshdht("set", "listen_port=1")
    assert (result.code, result.out) == (2, "")
    assert "listen_port=1 cannot be" in result.err


def test_what_is_no_pair_is_a_mistake(meshdht: Meshdht, service: FakeService) -> None:
    for wrong in ("log_level", "=debug"):
        result = meshdht("set", wrong)
        assert (result.code, "is not KEY=VALUE" in result.err) == (2, True)
    assert meshdht("set").code == 2
    assert service.changes == []
