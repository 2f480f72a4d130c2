"""The lab itself: reachable where it should be, and gone without a trace however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meshdht.lab.process import LabError
from meshdht.lab.world import World

GONE_TIMEOUT_S = 5.0

HELD_BY_A_CHILD = """
import sys, time
from meshdht.lab.world import World
world = World()
switch = world.switch("lan")
host = world.host("nas")
host.attach(switch, "192.0.2.1/24")
host.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 &"])
child = host.popen(["sleep", "1000"])
print(world.core.pid, host.pid, flush=True)
time.sleep(1000)
"""


def namespaces_of(pid: int) -> set[str]:
    return {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "mnt", "pid")}


def users_of(namespaces: set[str]) -> list[str]:
    """Every process that lives in one of the namespaces."""
    users = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if namespaces & namespaces_of(int(entry.name)):
                    users.append((entry / "cmdline").read_text().replace("\0", " "))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                # ended meanwhile, or of the machine's own
                continue
    return users


def await_nobody_in(namespaces: set[str]) -> list[str]:
    """Who is left in the namespaces after a moment for the kernel to end them."""
    deadline = time.monotonic() + GONE_TIMEOUT_S
    while (users := users_of(namespaces)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return users


def visible_outside() -> tuple[list[str], list[str], str]:
    """Interfaces, named namespaces and mounts of this machine: what a leak would change."""
    named = Path("/run/netns")
    return (
        sorted(path.name for path in Path("/sys/class/net").iterdir()),
        sorted(path.name for path in named.iterdir()) if named.is_dir() else [],
        Path("/proc/self/mountinfo").read_text(),
    )


def test_hosts_on_one_switch_reach_each_other_over_both_families(world: World) -> None:
    lan = world.switch("lan")
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.attach(lan, "192.168.1.2/24", "fd00:1::2/64")
    laptop.attach(lan, "192.168.1.3/24", "fd00:1::3/64")
    for address in ("192.168.1.2", "fd00:1::2"):
        assert "1 received" in laptop.run(["ping", "-c", "1", "-W", "2", address]).stdout


def test_hosts_on_different_switches_do_not_reach_each_other(world: World) -> None:
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.attach(world.switch("here"), "192.168.1.2/24")
    laptop.attach(world.switch("there"), "192.168.1.3/24")
    ping = laptop.run(["ping", "-c", "1", "-W", "1", "192.168.1.2"], check=False)
    assert ping.returncode == 1


def test_a_device_behind_a_router_reaches_the_internet_and_not_the_other_way(world: World) -> None:
    internet, home = world.switch("internet"), world.switch("home")
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.attach(internet, "203.0.113.2/24")
    world.router("router", internet, "203.0.113.10/24", home, "192.168.1.1/24")
    laptop.attach(home, "192.168.1.2/24", gateways=["192.168.1.1"])
    assert laptop.run(["ping", "-c", "1", "-W", "2", "203.0.113.2"]).returncode == 0
    unasked = nas.run(["ping", "-c", "1", "-W", "1", "203.0.113.10"], check=False)
    assert unasked.returncode == 1
    assert "Unreachable" not in unasked.stdout  # dropped, not refused


def test_an_unknown_nat_is_named_with_those_there_are(world: World) -> None:
    internet, home = world.switch("internet"), world.switch("home")
    with pytest.raises(LabError, match="no such NAT: purple") as caught:
        world.router("router", internet, "203.0.113.10/24", home, "192.168.1.1/24", nat="purple")
    assert "port-restricted" in caught.value.hint


def test_nothing_is_left_after_the_end() -> None:
    before = visible_outside()
    with World() as world:
        host = world.host("nas")
        host.attach(world.switch("lan"), "192.0.2.1/24")
        host.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 &"])
        assert visible_outside() == before
        namespaces = namespaces_of(world.core.pid) | namespaces_of(host.pid)
        assert len(users_of(namespaces)) >= 3
    assert users_of(namespaces) == []
    assert visible_outside() == before


def test_nothing_is_left_after_an_exception() -> None:
    namespaces = set()

    def broken() -> None:
        with World() as world:
            host = world.host("nas")
            namespaces.update(namespaces_of(world.core.pid) | namespaces_of(host.pid))
            raise RuntimeError("the test's own")

    with pytest.raises(RuntimeError):
        broken()
    assert len(namespaces) == 6
    assert users_of(namespaces) == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_after_the_owner_is_killed(end: signal.Signals) -> None:
    before = visible_outside()
    with subprocess.Popen(
        [sys.executable, "-c", HELD_BY_A_CHILD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as owner:
        try:
            assert owner.stdout is not None
            core, host = (int(word) for word in owner.stdout.readline().split())
            namespaces = namespaces_of(core) | namespaces_of(host)
            assert len(users_of(namespaces)) >= 4
        finally:
            owner.send_signal(end)
    assert await_nobody_in(namespaces) == []
    assert visible_outside() == before


def test_without_root_the_lab_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="need root") as caught:
        World()
    assert "sudo" in caught.value.hint


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(LabError, match="iproute2, nftables, util-linux") as caught:
        World()
    assert caught.value.hint.startswith("apt-get install --no-install-recommends")
