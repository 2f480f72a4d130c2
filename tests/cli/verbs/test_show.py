"""What the daemon knows, as text and as JSON."""

from __future__ import annotations

import json
import re
import time

import pytest
from msgspec.structs import replace

from meshdht import __version__
from meshdht.api.name_messages import NamesStatus
from meshdht.api.router_messages import RouterPort
from meshdht.api.warning_messages import ClockWarning
from meshdht.cli.verbs.show import clock_lines, status_lines
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, STATUS, WHY, FakeService
from tests.cli.conftest import Meshdht

pytestmark = pytest.mark.usefixtures("service")


def test_status_is_one_aligned_line_a_peer(meshdht: Meshdht) -> None:
    result = meshdht("status")
    assert result.code == 0
    assert result.err == ""
    assert result.out.splitlines() == [
        "home · 2 of 3 peers online · embedded engine · UDP port 51820 · up 2 h",
        "100.64.7.1  nas     this device",
        "100.64.7.4  attic   offline                 –                          –  ↓ 0 B    "
        "  ↑ 0 B",
        "100.64.7.2  laptop  direct 192.0.2.7:51820  handshake 12 s ago    7.2 ms  ↓ 1.4 MiB"
        "  ↑ 342 KiB",
        "100.64.7.3  phone   relay vps               handshake 1 min ago  84.0 ms  ↓ 2.0 KiB"
        "  ↑ 1.0 KiB",
        f"phone is relayed: {WHY}",
    ]


@pytest.mark.parametrize(
    ("engine", "reason", "text"),
    [
        (
            "embedded",
            "this kernel has no WireGuard",
            "embedded engine (this kernel has no WireGuard)",
        ),
        ("embedded", "", "embedded engine"),
        ("kernel", "this kernel has WireGuard", "kernel engine"),
    ],
)
def test_status_says_which_engine_and_why_it_is_not_the_kernels(
    meshdht: Meshdht, service: FakeService, engine: str, reason: str, text: str
) -> None:
    service.snapshot = replace(STATUS, engine=engine, engine_reason=reason)
    assert f" · {text} · " in meshdht("status").out
    assert json.loads(meshdht("status", "--json").out)["engine_reason"] == reason


def test_status_says_what_a_router_passes_to_this_device(
    meshdht: Meshdht, service: FakeService
) -> None:
    ports = (
        RouterPort(gateway="192.168.1.1", outer="25.0.0.1:51820", protocol="PCP", public=True),
        RouterPort(gateway="192.168.2.1", outer="10.0.0.7:51820", protocol="UPnP"),
        RouterPort(gateway="fe80::1", trouble="not authorised"),
    )
    service.snapshot = replace(STATUS, router_ports=ports)
    said = "outside 25.0.0.1:51820 by PCP · outside 10.0.0.7:51820 by UPnP, behind another NAT"
    assert f" · UDP port 51820 · {said} · up 2 h\n" in meshdht("status").out
    assert json.loads(meshdht("status", "--json").out)["router_ports"][2] == {
        "gateway": "fe80::1",
        "outer": None,
        "protocol": None,
        "public": False,
        "trouble": "not authorised",
    }


def test_status_says_what_the_engine_does_without(meshdht: Meshdht, service: FakeService) -> None:
    service.snapshot = replace(
        STATUS, engine_reason="chosen in config.toml", engine_lacks=("USO", "UDP GRO")
    )
    said = " · embedded engine (chosen in config.toml; without USO, UDP GRO) · "
    assert said in meshdht("status").out


def test_status_warns_of_an_engine_that_carries_nothing(
    meshdht: Meshdht, service: FakeService
) -> None:
    service.snapshot = replace(STATUS, engine_trouble="the process (7) does not answer")
    assert "⚠ the process (7) does not answer\n" in meshdht("status").out


def test_status_alone_on_a_network_says_what_to_do(meshdht: Meshdht, service: FakeService) -> None:
    service.snapshot = replace(STATUS, peers=())
    result = meshdht("status")
    assert result.code == 0
    assert result.out.startswith("home · no peers yet · ")
    assert "meshdht invite" in result.err


def test_colour_changes_nothing_but_colour() -> None:
    plain = status_lines(STATUS, on=False)
    bright = status_lines(STATUS, on=True)
    assert "\x1b[" not in "".join(plain)
    assert bright[0].startswith("\x1b[1mhome\x1b[0m")
    assert "\x1b[32mdirect 192.0.2.7:51820\x1b[0m" in bright[3]
    assert "\x1b[33mrelay vps\x1b[0m" in bright[4]
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in bright] == plain


def test_status_json_is_the_snapshot(meshdht: Meshdht) -> None:
    shown = json.loads(meshdht("status", "--json").out)
    assert shown["version"] == 1
    assert shown["device"]["name"] == "nas"
    assert [peer["name"] for peer in shown["peers"]] == ["phone", "laptop", "attic"]
    path = dict[str, object](kind="relay", endpoint=None, relay="vps", mtu=None, why=WHY, tls=False)
    assert shown["peers"][0]["path"] == path


def test_peers_shows_every_address_and_id(meshdht: Meshdht) -> None:
    result = meshdht("peers")
    title, *rows = result.out.splitlines()
    assert title.split()[:3] == ["NAME", "ADDRESSES", "PATH"]
    assert "100.64.7.2 fd5a:1c2e:9b00::2" in rows[1]
    assert rows[1].endswith("l" * 32)


def test_which_release_a_peer_runs_is_told_and_in_the_status_where_it_is_another(
    meshdht: Meshdht, service: FakeService
) -> None:
    peers = (replace(PHONE, release="0.2.0"), replace(LAPTOP, release=STATUS.daemon), ATTIC)
    service.snapshot = replace(STATUS, peers=peers)
    told = {line.split()[1]: line for line in meshdht("status").out.splitlines()[1:4]}
    assert set(told) == {"nas", "attic", "laptop"}
    [phone] = [line for line in meshdht("status").out.splitlines() if " phone " in line]
    assert phone.endswith("  runs 0.2.0")
    assert not any("runs" in line for line in told.values())
    titles, *rows = meshdht("peers").out.splitlines()
    at = titles.index("VERSION")
    assert [row[at:].split("  ")[0].strip() for row in rows] == ["", STATUS.daemon, "0.2.0"]


def test_peers_of_nobody_is_no_empty_table(meshdht: Meshdht, service: FakeService) -> None:
    service.snapshot = replace(STATUS, peers=())
    code, out, err = meshdht("peers")
    assert (code, out) == (0, "")
    assert "meshdht invite" in err


def test_peers_json_is_versioned(meshdht: Meshdht) -> None:
    shown = json.loads(meshdht("peers", "--json").out)
    assert (shown["version"], shown["network"], len(shown["peers"])) == (1, "home", 3)


def test_devices_shows_roles_and_this_device(
    meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.localtime", time.gmtime)
    rows = meshdht("devices").out.splitlines()
    nas = next(row for row in rows if row.startswith("nas"))
    assert "admin" in nas
    assert "this device" in nas
    assert "2026-09-21 14:13" in nas
    assert "member" in next(row for row in rows if row.startswith("attic"))


def test_devices_json_is_versioned(meshdht: Meshdht) -> None:
    shown = json.loads(meshdht("devices", "--json").out)
    assert shown["version"] == 1
    assert shown["devices"][0]["this_device"] is True


def test_version_is_the_packages(meshdht: Meshdht) -> None:
    assert meshdht("version").out.startswith(f"meshdht {__version__} (Python 3.")
    assert json.loads(meshdht("version", "--json").out)["meshdht"] == __version__
    assert meshdht("--version").out == f"meshdht {__version__}\n"


def test_status_names_a_wrong_clock_and_says_what_to_do(
    meshdht: Meshdht, service: FakeService
) -> None:
    warning = ClockWarning(
        device="attic",
        this_device=False,
        ahead_s=-86400,
        says_so=("laptop", "nas"),
        clocks=3,
        message="the clock of attic is 1 day behind, say laptop, nas",
        hint="set it",
    )
    service.snapshot = replace(STATUS, clocks=(warning,))
    assert meshdht("status").out.splitlines()[-2:] == [
        "⚠ the clock of attic is 1 day behind, say laptop, nas",
        "  set it",
    ]
    [told] = json.loads(meshdht("status", "--json").out)["clocks"]
    assert (told["device"], told["ahead_s"]) == ("attic", -86400)
    assert told["says_so"] == ["laptop", "nas"]
    assert clock_lines(STATUS, on=False) == []


def test_status_names_those_that_hold_this_device_for_revoked(
    meshdht: Meshdht, service: FakeService
) -> None:
    assert "revoked" not in meshdht("status").out
    service.snapshot = replace(STATUS, held_out_by=("attic", "pi"))
    said = meshdht("status").out
    assert "⚠ for attic, pi, nas is revoked: two admins revoked each other while apart" in said
    assert "meshdht leave, then join by a link of the others" in said
    assert json.loads(meshdht("status", "--json").out)["held_out_by"] == ["attic", "pi"]


def test_status_says_that_another_machine_has_this_devices_keys(
    meshdht: Meshdht, service: FakeService
) -> None:
    assert "another machine" not in meshdht("status").out
    service.snapshot = replace(STATUS, copy_heard=1_800_000_000)
    said = meshdht("status").out
    assert "⚠ another machine is nas too, heard " in said
    assert "have an admin revoke nas, and join anew" in said
    assert json.loads(meshdht("status", "--json").out)["copy_heard"] == 1_800_000_000


@pytest.mark.parametrize(
    ("server", "trouble", "todo"),
    [
        ("127.84.3.9:53", "", "put this first in /etc/resolv.conf: nameserver 127.84.3.9"),
        ("127.84.3.9:5335", "", "ask 127.84.3.9 port 5335 about home.internal"),
        ("", "cannot listen", "dns = false in config.toml"),
    ],
)
def test_status_says_what_to_do_where_names_do_not_resolve(
    meshdht: Meshdht, service: FakeService, server: str, trouble: str, todo: str
) -> None:
    names = NamesStatus(zone="home.internal", means="none", server=server, trouble=trouble)
    service.snapshot = replace(STATUS, names=names)
    said = meshdht("status").out
    assert "names in home.internal do not resolve on this machine" in said
    assert (trouble or f"nothing asks {server}") in said
    assert todo in said
    service.snapshot = replace(STATUS, names=replace(names, means="resolvconf"))
    said = meshdht("status").out
    assert "*.home.internal by resolvconf" in said
    assert "do not resolve" not in said
