"""A path that dies without a word is noticed by the traffic on it, and repaired."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.engines import BOTH_ENGINES
from tests.lab.homes import behind_nat, connect, eventually, everyone_reaches_everyone, public
from tests.lab.traffic import Traffic

TRAFFIC_S = 14
BEFORE_S = 4
BITRATE = "2M"
# What it is on an idle machine is printed; this is for one with other things to do.
GAP_MAX_S = 3.0
STREAM_S = 20
DEAF = """
table inet deaf {
    chain in { type filter hook input priority filter; udp dport 9 drop; }
}"""
# What leaves by the card and is not WireGuard's: the first word of that is 1 to 4.
COUNT_CONTROL = """
table inet count {
    counter control {}
    chain out {
        type filter hook output priority filter;
        oifname eth0 meta l4proto udp @th,64,32 != {
            0x01000000, 0x02000000, 0x03000000, 0x04000000
        } counter name control
    }
}"""
# Told to, since to start takes a slow machine as long as the traffic lasts.
FORGET = """
from pyroute2 import NFCTSocket
connections = NFCTSocket()
print("ready", flush=True)
input()
connections.flush()
"""


def longest(traffic: Traffic) -> float:
    """Seconds of the longest silence; the connection lasted."""
    return max(until - since for since, until in traffic.silences())


def host_of_path(device: Device, peer: str) -> str:
    """The address that a device's path to a peer leads to."""
    endpoint = str(device.peer(peer)["path"]["endpoint"])
    return endpoint.rpartition(":")[0].strip("[]")


def swallow(device: Device, host: str) -> None:
    """Nothing gets through between a device and an address from now on, and nobody tells."""
    family = "ip6" if ":" in host else "ip"
    device.host.run(
        ["nft", "-f", "-"],
        input=f"""
        table inet hole {{
            chain in {{ type filter hook prerouting priority raw; {family} saddr {host} drop; }}
            chain out {{
                type filter hook postrouting priority srcnat + 1; {family} daddr {host} drop;
            }}
        }}""",
    )


@BOTH_ENGINES
def test_an_endpoint_that_dies_silently_is_left_for_another_at_once(
    world: World, engine: str, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    nas.host.attach(internet, "203.0.113.32/32", "2001:db8::32/128")
    connect(nas, laptop, engine=engine)
    everyone_reaches_everyone(nas, laptop)
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    swallow(laptop, host_of_path(laptop, "nas"))

    gap = longest(traffic)
    number(f"longest silence after the best endpoint died without a word: {gap:.2f} s")
    assert gap < GAP_MAX_S


@BOTH_ENGINES
def test_a_router_that_comes_back_with_another_address_is_got_over_in_seconds(
    world: World, engine: str, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    vps = public(world, internet, "vps", 2)
    nas, laptop = behind_nat(world, internet, "nas", 10), behind_nat(world, internet, "laptop", 20)
    connect(vps, nas, laptop, engine=engine)
    everyone_reaches_everyone(vps, nas, laptop)
    assert eventually(lambda: host_of_path(laptop, "nas") == "203.0.113.10")
    router = world.hosts["router-of-laptop"]
    forgets = router.popen([sys.executable, "-c", FORGET], stdin=subprocess.PIPE)
    assert forgets.popen.stdout is not None
    assert forgets.popen.stdout.readline() == "ready\n"
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    # Neither of the two is told, and the router before the nas lets in the old address alone.
    forgets.check(forgets.complete("\n"))
    router.change_address(router.cards[0], "203.0.113.21/32")

    gap = longest(traffic)
    number(f"longest silence after a router forgot its mappings: {gap:.2f} s")
    assert gap < 5
    assert eventually(lambda: host_of_path(nas, "laptop") == "203.0.113.21")


@BOTH_ENGINES
def test_a_stream_that_nobody_answers_costs_few_probes(
    world: World, engine: str, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop, engine=engine)
    everyone_reaches_everyone(nas, laptop)
    # Nobody listens at that port, and a machine that said so would answer the stream.
    nas.host.run(["nft", "-f", "-"], input=DEAF)
    laptop.host.run(["nft", "-f", "-"], input=COUNT_CONTROL)
    stream = f"""if True:
        import socket, time
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range({STREAM_S * 50}):
            sock.sendto(bytes(1000), ("{nas.addresses()[0]}", 9))
            time.sleep(0.02)"""
    laptop.host.run([sys.executable, "-c", stream], timeout=2 * STREAM_S)

    said = laptop.host.run(["nft", "list", "counter", "inet", "count", "control"]).stdout
    sent = int(said.partition("packets ")[2].split()[0])
    number(f"control datagrams beside {STREAM_S} s of a stream without answers: {sent}")
    assert 0 < sent <= 2 * STREAM_S
    assert laptop.peer("nas")["path"]["endpoint"] is not None
