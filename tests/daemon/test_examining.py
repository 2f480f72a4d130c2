"""The daemon looks at its own machine."""

from __future__ import annotations

from pathlib import Path

from meshdht.api.messages import Status
from meshdht.api.netcheck_messages import NetCheck
from meshdht.clock import SystemClock
from meshdht.daemon.examining import diagnosis
from tests.api.fake_daemon import NETCHECK, STATUS


async def status() -> Status:
    return STATUS


async def netcheck() -> NetCheck:
    return NETCHECK


async def test_what_the_daemon_knows_and_what_it_reads_make_one_diagnosis(tmp_path: Path) -> None:
    directory = tmp_path / "home"
    directory.mkdir(mode=0o700)
    (directory / "daemon.log").write_text("nothing to see\n")
    found = await diagnosis("home", directory, status(), netcheck(), SystemClock())
    assert (found.network, found.daemon) == ("home", True)
    said = {each.check: each for each in found.findings}
    assert said["port"].message == f"the daemon listens on UDP port {STATUS.listen_port}"
    assert str(tmp_path) in said["state"].message
    assert {"reach", "nat", "log", "firewall"} <= set(said)
