"""The doctor on real machines: what it says of a firewall is what that firewall does."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import Pair, eventually, public

HEAD = "table inet fw { chain in { type filter hook input priority 0; policy drop; "
SET = (
    "table inet fw { set open { type inet_service; flags interval; elements = { 41800-41900 }; }\n"
)
STATES = "ct state vmap { established : accept, related : accept, invalid : drop }; "
RAW = "table ip raw { chain pre { type filter hook prerouting priority -300; "
# A firewall, and the level of what is said of it on a machine where no network is up.
FIREWALLS = {
    "all": ("table inet fw { chain in { type filter hook input priority 0;; }\n}", "fine"),
    "answers": (HEAD + "ct state established,related accept; tcp dport 22 accept; }\n}", "problem"),
    "one port": (HEAD + "iif lo accept; udp dport 41822 accept; }\n}", "fine"),
    "a range": (
        HEAD + "meta l4proto { tcp, udp } th dport { 53, 41000-42000 } accept; }\n}",
        "fine",
    ),
    "a set": (SET + HEAD.removeprefix("table inet fw { ") + "udp dport @open accept; }\n}", "fine"),
    "by state": (HEAD + STATES + "udp dport != 53 accept; }\n}", "fine"),
    "a jump": (
        "table inet fw { chain more { udp dport 1-40000 accept; ip protocol udp reject; }\n"
        + HEAD.removeprefix("table inet fw { ")
        + "jump more; accept; }\n}",
        "problem",
    ),
    "another interface": (HEAD + 'iifname "wlan0" accept; }\n}', "problem"),
    "early": (RAW + "udp dport 41822 drop; }\n}", "problem"),
    "of some": (HEAD + "ip saddr 203.0.113.3 udp dport 41822 accept; }\n}", "note"),
}

# The same by commands of the old iptables.
LEGACY = {
    "policy": ("-P INPUT DROP", "problem"),
    "one port": ("-P INPUT DROP; -A INPUT -p udp --dport 41822 -j ACCEPT", "fine"),
    "answers": ("-P INPUT DROP; -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", "problem"),
    "several ports": (
        "-P INPUT DROP; -A INPUT -p udp -m multiport --dports 53,41800:41900 -j ACCEPT",
        "fine",
    ),
    "another interface": ("-A INPUT ! -i lo -p udp -j REJECT", "problem"),
    "a jump": ("-N more; -A more -p udp -j RETURN; -A INPUT -j more; -A INPUT -j DROP", "problem"),
    "early": ("-t raw -A PREROUTING -p udp --dport 41822 -j DROP", "problem"),
    "of some": ("-P INPUT DROP; -A INPUT -s 203.0.113.3 -p udp -j ACCEPT", "note"),
}

RECEIVE = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", 41822))
print("listening", flush=True)
udp.settimeout(float(sys.argv[1]))
try:
    print(udp.recv(100).decode())
except TimeoutError:
    print("nothing")
"""
SEND = """
import socket, time
for _ in range(3):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"a packet", ("203.0.113.2", 41822))
    time.sleep(0.1)
"""


def diagnosis(device: Device) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the first finding of each check."""
    result = device.meshdht("doctor", "--json")
    found: dict[str, dict[str, Any]] = {}
    for each in json.loads(result.stdout)["findings"]:
        found.setdefault(each["check"], each)
    return result.returncode, found


@pytest.mark.parametrize("name", FIREWALLS)
def test_what_is_said_of_a_firewall_is_what_it_does(world: World, name: str) -> None:
    rules, level = FIREWALLS[name]
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    nas.host.run(["nft", "-f", "-"], input=rules)
    said_is_so(nas, laptop, level)


@pytest.mark.parametrize("name", LEGACY)
def test_what_is_said_of_the_old_iptables_is_what_it_does(world: World, name: str) -> None:
    commands, level = LEGACY[name]
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    for command in commands.split("; "):
        nas.host.run(["iptables-legacy", *command.split()])
    said_is_so(nas, laptop, level)


def said_is_so(nas: Device, laptop: Device, level: str) -> None:
    said = diagnosis(nas)[1]["firewall"]
    assert said["level"] == level, said
    receiver = nas.host.popen([sys.executable, "-c", RECEIVE, "2"])
    assert receiver.popen.stdout is not None
    assert receiver.popen.stdout.readline() == "listening\n"
    laptop.host.run([sys.executable, "-c", SEND])
    heard = receiver.popen.stdout.readline().strip()
    receiver.complete()
    assert heard == ("nothing" if level == "problem" else "a packet")


def its_fix_mends_the_firewall(nas: Device, program: str) -> None:
    code, found = diagnosis(nas)
    assert code == 1
    fix = found["firewall"]["fix"]
    assert fix.startswith(f"sudo {program} ")
    nas.host.run(["sh", "-c", fix.removeprefix("sudo ")])
    code, found = diagnosis(nas)
    assert (code, found["firewall"]["level"]) == (0, "fine")


def test_the_fix_for_a_firewall_mends_it(world: World) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    nas.host.run(["nft", "-f", "-"], input=FIREWALLS["answers"][0])
    its_fix_mends_the_firewall(nas, "nft")


@pytest.mark.parametrize("name", ["policy", "early"])
def test_the_fix_for_the_old_iptables_mends_it(world: World, name: str) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    for command in LEGACY[name][0].split("; "):
        nas.host.run(["iptables-legacy", *command.split()])
    its_fix_mends_the_firewall(nas, "iptables-legacy")


def test_two_devices_that_reach_each_other_are_found_well(pair: Pair) -> None:
    nas, _ = pair
    # Who has just met is reached by the next look.
    assert eventually(lambda: diagnosis(nas)[0] == 0), nas.meshdht("doctor").stdout
    found = diagnosis(nas)[1]
    assert found["reach"]["level"] == "fine"
    assert found["port"]["message"].startswith("the daemon listens on UDP port 418")
    assert found["state"]["level"] == "fine"
    nas.must("down")
    code, found = diagnosis(nas)
    assert (code, found["daemon"]["level"]) == (1, "problem")
    assert found["daemon"]["fix"] == "meshdht up --network home"


def test_keys_that_others_can_read_are_found(pair: Pair) -> None:
    nas, _ = pair
    nas.host.run(["chmod", "644", "/var/lib/meshdht/home/state.db"])
    code, found = diagnosis(nas)
    assert (code, found["state"]["level"]) == (1, "problem")
    nas.host.run(["sh", "-c", found["state"]["fix"].removeprefix("sudo ")])
    assert diagnosis(nas)[1]["state"]["level"] == "fine"
