"""Settings of a real daemon that change while it runs, and its counters over HTTP."""

from __future__ import annotations

import sys

from meshdht.lab.world import World
from tests.lab.homes import Pair, complaint, connect, eventually, public

SCRAPE = """
import sys, urllib.request
print(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/metrics", timeout=5).read().decode())
"""


def test_settings_are_in_force_at_once_and_after_a_restart(world: World) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    nas.init("home")
    path = "/sys/class/net/mesh-home/mtu"

    def mtu() -> str:
        return nas.host.run(["cat", path]).stdout.strip()

    before, process = mtu(), nas.host.processes()
    nas.must("set", "mtu=1300", "log_level=debug")
    assert (before, mtu()) == ("1420", "1300")
    assert nas.host.processes() == process
    log = "/var/lib/meshdht/home/daemon.log"
    assert eventually(lambda: " DEBUG " in nas.host.run(["cat", log]).stdout)
    assert "1280" in complaint(nas.meshdht("set", "mtu=5"), 2)
    nas.must("down")
    nas.must("up")
    assert (mtu(), nas.must("get", "mtu")) == ("1300", "1300\n")
    nas.must("set", "mtu=default")
    assert eventually(lambda: mtu() == "1420")
    assert nas.host.run(["stat", "-c", "%a", "/var/lib/meshdht/home/config.toml"]).stdout == "600\n"


def test_counters_are_scraped_on_the_loopback_alone(pair: Pair) -> None:
    nas, laptop = pair
    nas.must("set", "metrics_port=9586")
    text = nas.host.run([sys.executable, "-c", SCRAPE, "9586"]).stdout
    assert 'meshdht_peer_online{peer="laptop"} 1\n' in text
    assert nas.must("metrics").splitlines()[0] == text.splitlines()[0]
    outside = SCRAPE.replace("127.0.0.1", "203.0.113.2")
    refused = laptop.host.run([sys.executable, "-c", outside, "9586"], check=False)
    assert "Connection refused" in refused.stderr
    nas.must("set", "metrics_port=default")
    gone = nas.host.run([sys.executable, "-c", SCRAPE, "9586"], check=False)
    assert "Connection refused" in gone.stderr


def test_a_router_is_asked_for_no_port_any_more(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    nas.must("set", "port_mapping=off")
    assert nas.must("get", "port_mapping") == "false\n"
    assert nas.status()["router_ports"] == []


def test_it_relays_and_does_not_as_it_is_told_while_it_runs(world: World) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    nas.init("home")
    process = nas.host.processes()
    nas.must("set", "relay=on", "relay_mbit=20", "relay_tls_port=8443")
    assert (nas.status()["relay"]["offered"], nas.status()["relay"]["mbit"]) == (True, 20)
    assert eventually(lambda: nas.status()["relay"]["tls_port"] == 8443)
    listening = ["ss", "-Hltn", "sport = :8443"]
    assert nas.host.run(listening).stdout
    nas.must("set", "relay=off")
    assert not nas.status()["relay"]["offered"]
    assert "meshdht" not in nas.host.run(["nft", "list", "ruleset"]).stdout
    assert not nas.host.run(listening).stdout
    assert nas.host.processes() == process


def test_what_is_read_at_the_start_waits_for_it(world: World) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    nas.init("home")
    said = nas.meshdht("set", "listen_port=5000")
    assert said.stdout == "listen_port is 5000 from the next start on\n"
    assert said.stderr == "start anew: sudo meshdht down && sudo meshdht up\n"
    assert "listen_port         default      at start: 5000\n" in nas.must("get")
    nas.must("down")
    nas.must("up")
    assert nas.status()["listen_port"] == 5000
    assert nas.must("get", "listen_port") == "5000\n"
