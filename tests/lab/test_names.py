"""Names of devices, through whatever resolves names on a machine."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from meshdht.lab.device import Device
from meshdht.lab.host import Host
from meshdht.lab.process import Process
from meshdht.lab.world import World
from tests.lab.homes import connect, eventually, public
from tests.lab.name_server import KNOWN
from tests.lab.resolvers import (
    resolve_by_file,
    resolve_by_resolvconf,
    resolve_by_resolved,
    start_resolved,
)

PROVIDER = "203.0.113.9"
HERE = str(Path(__file__).parents[2])

NAMES_AND_ROUTES = """
cat /etc/resolv.conf; sha256sum /etc/resolv.conf; stat -c '%a %U %N' /etc/resolv.conf
ip -o link | sed 's/.*: \\([^:]*\\): .*/\\1/'
ip rule; ip -6 rule; ip route show table all; ip -6 route show table all
cd /etc && find . -type f -exec sha256sum {} + | sort
resolvectl --no-pager domain 2>/dev/null; resolvectl --no-pager dns 2>/dev/null; :
"""


def state(host: Host) -> set[str]:
    """What a machine's names and routes are, line by line, and its files of names byte by byte."""
    return set(host.run(["sh", "-c", NAMES_AND_ROUTES]).stdout.splitlines())


def filters(host: Host) -> str:
    return host.run(["nft", "list", "ruleset"]).stdout


def start_provider(world: World) -> Process:
    host = world.host("provider")
    host.attach(world.switches["internet"], f"{PROVIDER}/32")
    command = [sys.executable, "-P", "-m", "tests.lab.name_server", PROVIDER]
    server = host.popen(command, env={"PYTHONPATH": HERE})
    assert server.popen.stdout is not None
    assert server.popen.stdout.readline() == "ready\n"
    return server


def asked(provider: Process) -> list[str]:
    """What the provider was asked for, from its start to its end, which this is."""
    provider.signal(signal.SIGTERM)
    return provider.complete().stdout.splitlines()


def found(host: Host, name: str, database: str = "ahosts") -> list[str]:
    """The addresses of a name, or the name of an address (database ``hosts``)."""
    said = host.run(["getent", database, name], check=False).stdout
    place = 0 if database == "ahosts" else 1
    return list(dict.fromkeys(line.split()[place] for line in said.splitlines()))


def means(device: Device) -> tuple[str, str]:
    names = device.status()["names"]
    return names["means"], names["trouble"]


WAYS: dict[str, Callable[[Host, str], None]] = {
    "systemd-resolved": resolve_by_resolved,
    "resolvconf": partial(resolve_by_resolvconf, package="resolvconf"),
    "openresolv": partial(resolve_by_resolvconf, package="openresolv"),
}


@pytest.mark.parametrize("way", WAYS)
def test_names_resolve_and_leave_nothing_behind(world: World, way: str) -> None:
    internet = world.switch("internet")
    provider = start_provider(world)
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    WAYS[way](laptop.host, PROVIDER)
    before, filtered = state(laptop.host), filters(laptop.host)
    connect(nas, laptop)
    resolver = "systemd-resolved" if way == "systemd-resolved" else "resolvconf"
    assert means(laptop) == (resolver, "")

    ipv4, ipv6 = nas.addresses()
    for name in ("nas.home.internal", "nas"):
        assert set(found(laptop.host, name)) == {ipv4, ipv6}, name
    assert found(laptop.host, ipv4, "hosts") == ["nas.home.internal"]
    assert found(laptop.host, ipv6, "hosts") == ["nas.home.internal"]
    assert found(laptop.host, "tv.home.internal") == []
    assert found(laptop.host, "example.com") == [KNOWN]

    laptop.must("down")
    assert not state(laptop.host) ^ before
    assert filters(laptop.host) == filtered
    laptop.must("up")
    assert set(found(laptop.host, "nas")) == {ipv4, ipv6}
    laptop.host.run(["sh", "-c", "kill -KILL $(cat /var/lib/meshdht/home/lock)"])
    assert eventually(lambda: state(laptop.host) == before), state(laptop.host) ^ before
    assert found(laptop.host, "example.com") == [KNOWN]
    laptop.must("up")
    assert set(found(laptop.host, "nas")) == {ipv4, ipv6}
    laptop.must("down")
    assert not state(laptop.host) ^ before
    assert not [name for name in asked(provider) if "internal" in name or "arpa" in name]


def test_a_file_that_nobody_manages_is_left_alone_and_said_what_to_add(world: World) -> None:
    internet = world.switch("internet")
    start_provider(world)
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    resolve_by_file(laptop.host, PROVIDER)
    before = laptop.host.run(["sha256sum", "/etc/resolv.conf"]).stdout
    connect(nas, laptop)
    address, _, port = laptop.status()["names"]["server"].partition(":")
    assert (means(laptop), port) == (("none", ""), "53")
    line = f"nameserver {address}"
    assert line in laptop.must("status")
    assert laptop.host.run(["sha256sum", "/etc/resolv.conf"]).stdout == before
    assert found(laptop.host, "nas.home.internal") == []

    laptop.host.run(["sed", "-i", f"1i {line}", "/etc/resolv.conf"])
    written = laptop.host.run(["sha256sum", "/etc/resolv.conf"]).stdout
    assert means(laptop) == ("resolv.conf", "")
    assert "*.home.internal by resolv.conf" in laptop.must("status")
    assert set(found(laptop.host, "nas.home.internal")) == set(nas.addresses())
    assert found(laptop.host, "example.com") == [KNOWN]
    laptop.must("down")
    # A line that leads nowhere costs nothing: the kernel says so at once.
    assert found(laptop.host, "example.com") == [KNOWN]
    assert laptop.host.run(["sha256sum", "/etc/resolv.conf"]).stdout == written


def test_only_the_machine_itself_is_answered(world: World) -> None:
    internet = world.switch("internet")
    start_provider(world)
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    resolve_by_resolvconf(nas.host, PROVIDER, "openresolv")
    connect(nas, laptop)
    assert means(nas) == ("resolvconf", "")
    ipv4, _ = nas.addresses()
    assert laptop.reaches(ipv4) is not None
    resolve_by_file(laptop.host, ipv4)
    assert found(laptop.host, "nas.home.internal") == []
    assert nas.status()["dropped"]["name_other_machine"] > 0


def test_a_network_without_dns_serves_none(world: World) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    nas.host.run(["mkdir", "-p", "/var/lib/meshdht/home"])
    nas.host.run(["tee", "/var/lib/meshdht/home/config.toml"], input="dns = false\n")
    nas.init("home")
    assert nas.status()["names"] == {
        "zone": "home.internal",
        "means": "off",
        "server": "",
        "trouble": "",
    }
    assert ":53 " not in nas.host.run(["ss", "-lnut"]).stdout


def test_a_name_of_ones_own_resolves_everywhere_within_seconds(world: World) -> None:
    internet = world.switch("internet")
    start_provider(world)
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    resolve_by_resolved(laptop.host, PROVIDER)
    connect(nas, laptop)
    nas.must("dns", "add", "wiki", "100.64.9.9")
    nas.must("dns", "add", "blog", "CNAME", "nas")
    assert eventually(lambda: found(laptop.host, "wiki") == ["100.64.9.9"])
    assert set(found(laptop.host, "blog.home.internal")) == set(nas.addresses())
    nas.must("dns", "remove", "wiki")
    assert "wiki" not in laptop.must("dns", "list")
    assert "had wiki stand for 100.64.9.9" in laptop.must("log")


def test_names_outlive_a_resolver_that_starts_anew_and_an_interface_that_is_deleted(
    world: World,
) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    resolve_by_resolved(nas.host, PROVIDER)
    nas.init("home")
    own = set(nas.addresses())
    assert set(found(nas.host, "nas.home.internal")) == own
    nas.host.run(["sh", "-c", "kill $(pidof systemd-resolved)"])
    start_resolved(nas.host)
    assert set(found(nas.host, "nas.home.internal")) == own
    nas.host.run(["ip", "link", "delete", "mesh-home"])
    assert eventually(lambda: set(found(nas.host, "nas.home.internal")) == own)
    assert means(nas) == ("systemd-resolved", "")
