"""What is wrong with this machine, as text, JSON and exit code."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec.structs import replace

from meshdht.cli.verbs.doctor import doctor_lines
from tests.api.fake_daemon import DIAGNOSIS, FakeService
from tests.cli.conftest import Meshdht


def test_each_finding_is_a_line_and_its_fix_another(meshdht: Meshdht, service: FakeService) -> None:
    result = meshdht("doctor")
    assert result.code == 1
    assert result.out.splitlines() == [
        "✔ version   command line and daemon are both release 0.1.0",
        "✔ tun       /dev/net/tun can be used",
        "✘ firewall  the firewall lets no new UDP packet in to port 41820",
        "            sudo ufw allow 41820/udp",
        "1 problem found",
    ]


def test_no_problem_is_exit_code_0(meshdht: Meshdht, service: FakeService) -> None:
    service.found = replace(DIAGNOSIS, findings=DIAGNOSIS.findings[:1])
    result = meshdht("doctor")
    assert (result.code, result.out.splitlines()[-1]) == (0, "no problem found")


def test_json_has_every_finding(meshdht: Meshdht, service: FakeService) -> None:
    result = meshdht("doctor", "--json")
    told = json.loads(result.out)
    assert (result.code, told["version"], told["daemon"]) == (1, 1, True)
    assert told["findings"][2]["fix"] == "sudo ufw allow 41820/udp"


def test_before_there_is_a_network_only_the_machine_is_looked_at(meshdht: Meshdht) -> None:
    told = json.loads(meshdht("doctor", "--json").out)
    assert (told["network"], told["daemon"]) == (None, False)
    assert {"engine", "firewall", "clock"} <= {each["check"] for each in told["findings"]}


def test_a_network_that_is_down_is_a_problem_and_the_machine_is_looked_at(
    meshdht: Meshdht, state_dir: Path
) -> None:
    (state_dir / "home").mkdir()
    (state_dir / "home" / "state.db").touch()
    result = meshdht("doctor", "--json")
    told = json.loads(result.out)
    assert (result.code, told["network"], told["daemon"]) == (1, "home", False)
    first = told["findings"][0]
    assert (first["check"], first["level"]) == ("daemon", "problem")
    assert first["fix"].endswith("meshdht up --network home")
    assert "engine" in {each["check"] for each in told["findings"]}


def test_what_a_peer_is_called_cannot_command_the_terminal() -> None:
    bad = replace(DIAGNOSIS.findings[1], message="\x1b[2J", fix="\x1b[2J")
    lines = doctor_lines(replace(DIAGNOSIS, findings=(bad,)), on=False)
    assert "\x1b" not in "".join(lines)
