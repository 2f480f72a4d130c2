"""What is read of this machine, and how its files are spelt."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from meshdht.doctor import reading
from meshdht.doctor.reading import (
    bound_ports,
    capabilities,
    default_interfaces,
    journal_lines,
    nameservers,
    read_machine,
    read_settings,
)

ROUTE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
ZERO = "0" * 32
ROUTE6 = f"""{ZERO} 00 {ZERO} 00 fe800000000000000000000000000001 00000400 1 0 00000003 wlan0
{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 1 0 00200200       lo
"""


def test_default_routes_are_found_in_both_tables() -> None:
    assert default_interfaces(ROUTE, ROUTE6) == ["eth0", "wlan0"]
    assert default_interfaces("", "") == []


def test_nameservers_are_those_of_resolv_conf() -> None:
    text = "# of DHCP\nnameserver 192.0.2.53\nsearch lan\nnameserver\nnameserver 2001:db8::53\n"
    assert nameservers(text) == ("192.0.2.53", "2001:db8::53")


def test_capabilities_are_the_effective_ones() -> None:
    assert capabilities("CapPrm:\t00\nCapEff:\t0000000000003000\n") == 0x3000
    assert capabilities("") == 0


def test_a_taken_port_is_seen() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        taken = udp.getsockname()[1]
        assert taken in read_machine(Path("/nonexistent"), None).udp_ports
    assert bound_ports("", "junk\nline") == frozenset()


def test_a_machine_without_any_network_is_read(tmp_path: Path) -> None:
    machine = read_machine(tmp_path / "absent", None)
    assert (machine.uid, machine.state, machine.log) == (os.geteuid(), None, None)
    assert machine.kernel
    assert machine.unix > 1_700_000_000


def test_the_state_of_a_network_is_read(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "state.db").touch(mode=0o640)
    (home / "daemon.log").write_text("one\ntwo\n")
    machine = read_machine(tmp_path, "home")
    assert machine.state is not None
    rights = {each.path.name: each.mode for each in machine.state.files}
    assert rights["state.db"] == 0o640
    assert machine.state.writable
    assert machine.state.free_bytes is not None
    assert machine.log is not None
    assert machine.log.lines == ("one", "two")
    assert machine.log.command == f"sudo tail -n 50 {home / 'daemon.log'}"


def test_the_journal_of_a_service_reads_as_the_file_does() -> None:
    entry = {"__REALTIME_TIMESTAMP": "1790000000123456", "PRIORITY": "4", "MESSAGE": "a: b\nc"}
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1_790_000_000))
    text = (
        json.dumps(entry) + "\nno json\n" + json.dumps({**entry, "MESSAGE": None, "PRIORITY": "x"})
    )
    assert journal_lines(text) == (f"{stamp},123 WARNING a: b", f"{stamp},123 WARNING c")


def test_settings_are_read_as_far_as_they_matter_here(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'listen_port = 41000\nengine = "kernel"\nstun = "stun.example:3478"\n'
        'anchors = ["192.0.2.1:1", "[2001:db8::1]:2", "vps.example:41820"]\n'
    )
    settings = read_settings(tmp_path)
    assert (settings.listen_port, settings.engine) == (41000, "kernel")
    assert settings.hosts == ("vps.example", "stun.example")
    assert settings.relay_ports == "41900-42155"


def test_settings_that_are_no_toml_are_told_and_none_are_fine(tmp_path: Path) -> None:
    assert read_settings(tmp_path).trouble == ""
    assert read_settings(None).trouble == ""
    (tmp_path / "config.toml").write_text("engine = \n")
    assert "cannot be read" in read_settings(tmp_path).trouble


def test_a_name_without_address_and_one_that_takes_for_ever_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "RESOLVE_TIMEOUT_S", 0.2)
    (tmp_path / "home").mkdir()
    config = 'anchors = ["here.example:1", "lost.example:1", "slow.example:1"]\n'
    (tmp_path / "home" / "config.toml").write_text(config)

    def resolve(host: str, _port: object) -> None:
        if host == "lost.example":
            raise socket.gaierror(-2, "Name or service not known")
        if host == "slow.example":
            raise TimeoutError(110, "timed out")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    unresolved = read_machine(tmp_path, "home").unresolved
    assert unresolved == {"lost.example": "Name or service not known", "slow.example": "timed out"}


def test_rules_are_asked_of_nft_and_a_refusal_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nft = tmp_path / "nft"
    nft.write_text('#!/bin/sh\necho \'{"nftables": [{"metainfo": {}}]}\'\n')
    nft.chmod(0o755)
    monkeypatch.setattr(reading, "PATH", str(tmp_path))
    firewall = read_machine(tmp_path, None).firewall
    assert firewall.ruleset == {"nftables": [{"metainfo": {}}]}
    assert firewall.ufw is None
    nft.write_text("#!/bin/sh\necho 'Operation not permitted (you must be root)' >&2\nexit 1\n")
    firewall = read_machine(tmp_path, None).firewall
    assert firewall.ruleset is None
    assert firewall.trouble == "Operation not permitted (you must be root)"
    nft.write_text("#!/bin/sh\necho no json\n")
    assert read_machine(tmp_path, None).firewall.trouble.startswith("nft: ")


@pytest.mark.parametrize(
    ("kernel", "timedatectl", "is_set"),
    [(0, "no", True), (5, "yes", False), (-1, "yes", True), (-1, "no", False), (-1, "", None)],
)
def test_who_keeps_the_clock_right_is_asked_of_the_kernel_then_of_systemd(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kernel: int,
    timedatectl: str,
    is_set: bool | None,
) -> None:
    program = tmp_path / "timedatectl"
    program.write_text(f"#!/bin/sh\necho {timedatectl}\n")
    program.chmod(0o755)
    monkeypatch.setattr(reading, "PATH", str(tmp_path))
    libc = SimpleNamespace(adjtimex=lambda _buffer: kernel)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: libc)
    assert read_machine(tmp_path, None).clock_is_set is is_set
