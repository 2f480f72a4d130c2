"""The units as text, and what systemd itself says of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshdht.service.unit import ANCHOR, FINAL_CODES, KINDS, NETWORK, Kind

PROGRAM = (sys.executable, "-P", "-m", "meshdht")


def settings(kind: Kind) -> dict[str, str]:
    lines = kind.text(PROGRAM).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.parametrize("kind", KINDS)
def test_systemd_has_no_complaint(kind: Kind, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    text = kind.text(PROGRAM).replace("Documentation=man:meshdht(1)\n", "")
    (tmp_path / kind.file).write_text(text)
    instance = tmp_path / kind.unit("my-net")
    command = [analyze, "verify", "--man=no", str(instance)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    about = [line for line in said.stderr.splitlines() if kind.template in line]
    assert about == []


def test_an_instance_is_named_after_its_network_as_it_is() -> None:
    assert NETWORK.unit("my-net") == "meshdht@my-net.service"
    assert ANCHOR.unit("anchor") == "meshdht-anchor@anchor.service"
    # %I would read the dash as a slash.
    assert settings(NETWORK)["ExecStart"].endswith("daemon --network %i")


def test_a_network_has_three_capabilities_and_an_anchor_two() -> None:
    network = set(settings(NETWORK)["CapabilityBoundingSet"].split())
    assert network == {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"}
    assert set(settings(ANCHOR)["AmbientCapabilities"].split()) == network - {"CAP_NET_RAW"}


def test_the_directories_of_sockets_are_the_users() -> None:
    assert settings(NETWORK)["RuntimeDirectory"] == "meshdht"
    assert settings(ANCHOR)["RuntimeDirectory"].split() == ["meshdht", "meshdht/anchors"]


def test_what_another_try_does_not_change_is_not_tried_again() -> None:
    from meshdht.errors import NoMember, UsageError

    assert settings(NETWORK)["RestartPreventExitStatus"] == FINAL_CODES
    assert FINAL_CODES.split() == [str(UsageError.exit_code), str(NoMember.exit_code)]


def test_a_restart_hands_over_as_the_daemon_understands_it() -> None:
    from meshdht.daemon.daemon import HAND_OVER

    assert settings(NETWORK)["RestartKillSignal"] == HAND_OVER.name


def test_odd_characters_of_a_path_stay_what_they_are() -> None:
    text = NETWORK.text(["/opt/my tools/100%/py$thon"])
    assert 'ExecStart="/opt/my tools/100%%/py$$thon" daemon' in text
