"""Installed on a machine that systemd has booted, used, upgraded and taken away again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from meshdht.lab.process import PATIENCE
from tests.lab.conftest import CHECKOUT
from tests.support.booted import Booted

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("installation")]

# What lies on the disk: kind, mode, owner, size, and where a link leads.
FILES = (
    "find /etc /usr /opt /var/lib/meshdht /run/meshdht -not -name '*-' -not -name .pwd.lock"
    " -printf '%y %m %u %g %s %p %l\\n' 2>/dev/null | grep -v '^d' | sort"
)
NETWORK = (
    "ip -o addr; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule;"
    " nft list ruleset; cat /etc/resolv.conf; ss -Hlntu"
)
MAIN_PID = "systemctl show --property=MainPID --value meshdht@home"


@pytest.fixture(scope="module")
def bare() -> Iterator[Booted]:
    box = Booted("box")
    box.sh("mkdir -p /etc/NetworkManager/conf.d")
    yield box
    box.close()


@pytest.fixture(scope="module")
def before(bare: Booted) -> dict[str, str]:
    """What was on the machine before anything was installed."""
    return {what: bare.run(["sh", "-c", what]).stdout for what in (FILES, NETWORK)}


@pytest.fixture(scope="module")
def box(bare: Booted, before: Mapping[str, str], offline: Mapping[str, str]) -> Booted:
    """A machine on which meshdht is installed, with one network."""
    bare.run([os.fspath(CHECKOUT / "mesh"), "install"], env=offline)
    said = bare.run(["meshdht", "init", "home", "--name", "nas"])
    assert "recovery key: " in said.stdout
    assert "meshdht@home.service runs it, after a reboot too" in said.stderr
    return bare


def until(box: Booted, script: str, wanted: str) -> None:
    deadline = time.monotonic() + 20 * PATIENCE
    said = ""
    while time.monotonic() < deadline:
        said = box.run(["sh", "-c", script], check=False).stdout.strip()
        if said == wanted:
            return
        time.sleep(0.1)
    raise AssertionError(f"{script}: {said!r}, not {wanted!r}")


def test_a_network_is_a_service_with_a_user_of_its_own(box: Booted) -> None:
    assert box.sh("systemctl is-active meshdht@home; systemctl is-enabled meshdht@home") == (
        "active\nenabled"
    )
    assert "match-device" in box.sh("cat /etc/NetworkManager/conf.d/50-meshdht.conf")
    status = f"/proc/$({MAIN_PID})/status"
    assert box.sh(f"stat -c %U {status}") == "meshdht"
    # CAP_NET_BIND_SERVICE, CAP_NET_ADMIN and CAP_NET_RAW: bits 10, 12 and 13.
    assert set(box.sh(f"grep ^Cap {status} | cut -f2").split()) == {f"{1 << 10 | 3 << 12:016x}"}
    assert box.sh("stat -c '%U %a' /var/lib/meshdht /var/lib/meshdht/home/state.db") == (
        "meshdht 700\nmeshdht 600"
    )
    assert "up as nas" in box.sh("systemctl show --property=StatusText meshdht@home")
    said = box.sh("journalctl --unit meshdht@home --output json --no-pager | grep 'up as '")
    assert '"PRIORITY":"6"' in said
    assert '"MESSAGE":"meshdht.daemon.daemon: up as ' in said


def test_it_has_a_manual_page_and_shells_complete_it(box: Booted) -> None:
    assert "MESHDHT(1)" in box.sh("MANWIDTH=100 man meshdht | head -1")
    offered = box.sh(
        """bash --norc -c '. /usr/local/share/bash-completion/completions/meshdht
        COMP_WORDS=(meshdht stat) COMP_CWORD=1; _meshdht_completion meshdht stat meshdht
        echo "${COMPREPLY[@]}"'"""
    )
    assert offered == "status"


def test_systemd_calls_its_exposure_small(box: Booted) -> None:
    said = box.sh("systemd-analyze security --no-pager meshdht@home | tail -1")
    assert float(said.split("level for meshdht@home.service:")[1].split()[0]) < 3.0, said


def test_it_comes_back_after_being_killed_and_after_standing_still(box: Booted) -> None:
    first = box.sh(MAIN_PID)
    box.sh(f"kill -9 {first}")
    until(box, f"[ $({MAIN_PID}) != {first} ] && systemctl is-active meshdht@home", "active")
    box.sh(
        "mkdir -p /run/systemd/system/meshdht@.service.d;"
        " printf '[Service]\\nWatchdogSec=2\\n' > /run/systemd/system/meshdht@.service.d/t.conf;"
        " systemctl daemon-reload; systemctl restart meshdht@home"
    )
    time.sleep(3)  # it is alive after more than the interval
    second = box.sh(MAIN_PID)
    assert box.sh("systemctl show --property=NRestarts --value meshdht@home") == "0"
    box.sh(f"kill -STOP {second}")
    until(box, f"[ $({MAIN_PID}) != {second} ] && systemctl is-active meshdht@home", "active")
    box.sh("rm -r /run/systemd/system/meshdht@.service.d; systemctl daemon-reload")


def test_the_doctor_finds_a_service_well_and_reads_its_log(box: Booted) -> None:
    told = json.loads(box.run(["meshdht", "doctor", "--json"], check=False).stdout)
    said = {each["check"]: each for each in told["findings"]}
    assert told["daemon"] is True
    assert [each for each in told["findings"] if each["level"] == "problem"] == []
    assert {"firewall", "rights", "tun", "mtu", "state", "port"} <= {
        each["check"] for each in told["findings"] if each["level"] in ("fine", "note")
    }, said
    assert said["log"]["level"] in ("fine", "note")
    assert "up as <key-" in box.run(["meshdht", "bugreport"]).stdout


def test_down_and_up_are_of_the_service(box: Booted) -> None:
    assert box.sh("meshdht down") == "network home is down"
    assert box.run(["systemctl", "is-active", "meshdht@home"], check=False).stdout == "inactive\n"
    assert box.sh("meshdht up") == "network home is up; meshdht@home.service runs it"
    assert "nas  this device" in box.sh("meshdht status")


def test_an_anchor_is_a_service_as_a_network_is(box: Booted) -> None:
    box.sh("meshdht anchor link > /tmp/anchor.txt")
    said = box.run(["meshdht", "anchor", "up", "--link-file", "/tmp/anchor.txt"])
    assert "anchor anchor is up; its id is " in said.stdout
    assert said.stderr.endswith("meshdht-anchor@anchor.service runs it, after a reboot too\n")
    unit = "meshdht-anchor@anchor"
    assert box.sh(f"systemctl is-active {unit}; systemctl is-enabled {unit}") == "active\nenabled"
    pid = f"$(systemctl show --property=MainPID --value {unit})"
    assert box.sh(f"stat -c %U /proc/{pid}/status") == "meshdht"
    assert "records held" in box.sh("meshdht anchor status")
    box.sh("meshdht service restart")  # it ends of itself, and not by the signal
    ended = box.sh(f"journalctl --unit {unit} --no-pager | grep -c 'status=12/USR2' || true")
    assert ended == "0"
    assert box.sh("meshdht anchor down") == "anchor anchor is down"
    assert box.run(["systemctl", "is-active", unit], check=False).stdout == "inactive\n"
    assert box.sh("meshdht anchor up") == f"anchor anchor is up; {unit}.service runs it"
    box.sh(f"meshdht anchor down; systemctl disable -q {unit}; rm -r /var/lib/meshdht/anchors")


def test_a_service_that_cannot_start_says_why(box: Booted) -> None:
    box.sh("meshdht down; echo 'mtu = \"big\"' > /var/lib/meshdht/home/config.toml")
    said = box.run(["meshdht", "up"], check=False)
    assert said.returncode == 2
    assert "mtu is to be a number from 1280 to 9000" in said.stderr
    assert "journalctl -u meshdht@home.service" in said.stderr
    # The user's mistake: another try would not help.
    assert box.sh("systemctl show --property=SubState --value meshdht@home") == "failed"
    box.sh("rm /var/lib/meshdht/home/config.toml; meshdht up")


def test_its_operators_need_no_sudo_and_others_are_refused_by_name(box: Booted) -> None:
    box.sh("useradd --no-create-home --groups meshdht ada; useradd --no-create-home bob")
    try:
        as_user = "runuser -u {} -- meshdht status"
        assert "nas  this device" in box.sh(as_user.format("ada"))
        refused = box.run(as_user.format("bob").split(), check=False)
        assert refused.returncode == 1
        assert "user bob may not talk to the daemon" in refused.stderr
        assert "usermod -aG meshdht bob" in refused.stderr
    finally:
        box.sh("userdel ada; userdel bob")


def test_an_upgrade_keeps_the_device(box: Booted, offline: Mapping[str, str]) -> None:
    identity = box.sh('meshdht status --json | grep -o \'"id":"[^"]*"\' | head -1')
    running = box.sh(MAIN_PID)
    box.run([os.fspath(CHECKOUT / "mesh"), "install"], env=offline)
    assert box.sh(MAIN_PID) not in ("0", running)
    assert identity == box.sh('meshdht status --json | grep -o \'"id":"[^"]*"\' | head -1')


def test_what_it_did_to_the_network_is_undone_when_it_is_down_or_was_killed(
    box: Booted, before: Mapping[str, str]
) -> None:
    assert box.run(["sh", "-c", NETWORK]).stdout != before[NETWORK]
    box.sh(f"kill -9 $({MAIN_PID}); meshdht up; meshdht down")
    assert box.run(["sh", "-c", NETWORK]).stdout == before[NETWORK]
    box.sh("meshdht up")
    said = box.sh(f"kill -9 $({MAIN_PID}); meshdht down")
    assert said == "network home is down; its daemon had been killed"
    time.sleep(3)  # systemd would have started it anew after two
    assert box.run(["sh", "-c", NETWORK]).stdout == before[NETWORK]
    box.sh("meshdht up")


def test_after_a_power_cut_it_is_up_again_and_then_down_without_a_trace(
    box: Booted, before: Mapping[str, str]
) -> None:
    addresses = box.sh("meshdht status --json | grep -o '\"addresses\":[^]]*'")
    box.cut_power()
    until(box, "systemctl is-active meshdht@home", "active")
    assert box.sh("meshdht status --json | grep -o '\"addresses\":[^]]*'") == addresses
    assert box.sh("meshdht down") == "network home is down"
    assert box.run(["sh", "-c", NETWORK]).stdout == before[NETWORK]
    box.sh("meshdht up")


def test_uninstalling_leaves_the_state_alone_and_purging_nothing(
    box: Booted, before: Mapping[str, str], offline: Mapping[str, str]
) -> None:
    box.run([os.fspath(CHECKOUT / "mesh"), "uninstall"])
    left = set(box.run(["sh", "-c", FILES]).stdout.splitlines())
    new = left - set(before[FILES].splitlines())
    assert new, "the state is gone"
    assert all(" root root " in line and " /var/lib/meshdht/home/" in line for line in new), new
    assert box.run(["sh", "-c", NETWORK]).stdout == before[NETWORK]
    # With the same state, it is the same device again.
    box.run([os.fspath(CHECKOUT / "mesh"), "install"], env=offline)
    assert "nas  this device" in box.sh("meshdht status")
    box.run([os.fspath(CHECKOUT / "mesh"), "purge"])
    assert box.run(["sh", "-c", FILES]).stdout == before[FILES]


def test_the_debian_package_installs_upgrades_and_goes(
    bare: Booted, before: Mapping[str, str], offline: Mapping[str, str], tmp_path: Path
) -> None:
    quick = {"DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1"}
    said = bare.run([os.fspath(CHECKOUT / "mesh"), "deb"], env={**offline, **quick})
    package = said.stdout.strip()
    install = ["dpkg", "--force-depends", "--install", package]
    bare.run(install)
    bare.run(["meshdht", "init", "cabin", "--name", "hut"])
    running = bare.sh("systemctl show --property=MainPID --value meshdht@cabin")
    bare.run(install)  # an upgrade
    assert bare.sh("systemctl show --property=MainPID --value meshdht@cabin") != running
    assert "hut  this device" in bare.sh("meshdht status")
    bare.run(["dpkg", "--remove", "meshdht"])
    assert bare.sh("ls /var/lib/meshdht") == "cabin"
    bare.run(["dpkg", "--purge", "meshdht"])
    assert bare.run(["sh", "-c", FILES]).stdout == before[FILES]
