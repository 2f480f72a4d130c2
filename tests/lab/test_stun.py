"""A device that is alone behind a NAT learns from a STUN server where it is seen."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from meshdht.lab.device import Device
from meshdht.lab.host import Host
from meshdht.lab.process import Process
from meshdht.lab.world import World
from tests.lab.homes import COMMAND, behind_nat, eventually
from tests.lab.relays import configure
from tests.support import stun
from tests.support.debian import unpacked

ADDRESS, ADDRESS_IPV6 = "203.0.113.2", "2001:db8::2"
# With those of its libraries that a small Debian has not.
COTURN = (
    "coturn",
    "libevent-core-2.1-7",
    "libevent-extra-2.1-7",
    "libevent-openssl-2.1-7",
    "libevent-pthreads-2.1-7",
    "libhiredis0.14",
    "libmariadb3",
    "libpq5",
    "libldap-2.5-0",
    "libsasl2-2",
)


def ours(server: Host) -> Process:
    return server.popen([sys.executable, str(Path(stun.__file__)), ADDRESS])


def coturn(server: Host) -> Process:
    tree = unpacked(*COTURN)
    (libraries,) = {each.parent for each in tree.glob("usr/lib/*/libhiredis.so.*")}
    listening = ["-L", ADDRESS, "-L", ADDRESS_IPV6]
    alone = ["--stun-only", "--no-tls", "--no-dtls", "--no-cli", "--log-file", "stdout"]
    files = ["-n", "--pidfile", "/run/turn.pid", "--userdb", "/run/turn.db"]
    program = ["env", f"LD_LIBRARY_PATH={libraries}", str(tree / "usr/bin/turnserver")]
    return server.popen([*program, *files, *listening, *alone])


@pytest.mark.parametrize("serve", [ours, coturn])
def test_a_device_without_peers_knows_its_outer_endpoint(
    world: World, serve: Callable[[Host], Process]
) -> None:
    internet = world.switch("internet")
    server = world.host("server")
    server.attach(internet, f"{ADDRESS}/32", f"{ADDRESS_IPV6}/128")
    answering = serve(server)
    laptop = behind_nat(world, internet, "laptop", 10)
    laptop.init("home", "--listen-port", "41820")
    laptop.must("set", f"stun={ADDRESS}:3478")

    def seen_at() -> list[str]:
        return list(json.loads(laptop.meshdht("netcheck", "--json").stdout)["public"])

    assert eventually(lambda: "203.0.113.10:41820" in seen_at())
    assert "203.0.113.10:41820" in laptop.meshdht("netcheck").stdout
    dropped = laptop.status()["dropped"]
    assert [each for each in dropped if each.startswith("stun_")] == []
    answering.stop()


def test_a_stun_server_that_others_use_answers_over_ipv6_as_well(world: World) -> None:
    internet = world.switch("internet")
    server = world.host("server")
    server.attach(internet, f"{ADDRESS}/32", f"{ADDRESS_IPV6}/128")
    answering = coturn(server)
    host = world.host("laptop")
    host.attach(internet, "2001:db8::20/128")
    laptop = Device(host, COMMAND)
    laptop.init("home", "--listen-port", "41820")
    laptop.must("down")
    configure(laptop, f'stun = "[{ADDRESS_IPV6}]:3478"')
    laptop.must("up")

    def seen_at() -> list[str]:
        return list(json.loads(laptop.meshdht("netcheck", "--json").stdout)["public"])

    assert eventually(lambda: "[2001:db8::20]:41820" in seen_at())
    answering.stop()
