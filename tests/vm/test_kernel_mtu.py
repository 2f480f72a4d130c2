"""Connections that others make through a device whose kernel carries the tunnel: the firewall rule
of docs/decisions/mtu.md makes them fit."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from meshdht.lab.host import Host
from meshdht.lab.process import CommandFailed
from meshdht.lab.transfer import transfer
from meshdht.lab.world import World
from tests.engine.lab import KernelEnd

pytestmark = pytest.mark.vm

PATH_MTU = 1328  # what the path to the peer bears
TIMESTAMPS = 12
FILE_BYTES = 1_000_000
RULE = "add rule inet filter forward tcp flags syn tcp option maxseg size set rt mtu"
# The host behind never hears that its packets are too large.
ROUTER = """
table inet filter {
    chain forward { type filter hook forward priority 0; }
    chain leaving { type filter hook output priority 0; icmp type destination-unreachable drop; }
    chain hidden { type nat hook postrouting priority 100; oifname "mesh0" masquerade; }
}
"""
SEGMENT = """
import socket, sys
with socket.create_server((sys.argv[1], 5003)) as listener:
    print("ready", flush=True)
    print(listener.accept()[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))
"""


@pytest.fixture
def ends(world: World) -> Iterator[tuple[Host, KernelEnd, KernelEnd]]:
    """A host behind a device, that device, and another device."""
    switch, lan = world.switch("internet"), world.switch("lan")
    ours, theirs = (
        KernelEnd(world.host("ours"), 1, switch),
        KernelEnd(world.host("theirs"), 2, switch),
    )
    behind = world.host("behind")
    ours.host.attach(lan, "192.168.7.1/24")
    behind.attach(lan, "192.168.7.2/24", gateways=["192.168.7.1"])
    theirs.start(ours, knows_endpoint=False)
    ours.start(theirs)
    ours.host.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    ours.host.run(["nft", "-f", "-"], input=ROUTER)
    ours.host.ip(f"route add {theirs.address} dev mesh0 mtu {PATH_MTU}")
    assert ours.ping(theirs) == 1
    yield behind, ours, theirs
    ours.stop()
    theirs.stop()


def offered(behind: Host, theirs: KernelEnd) -> int:
    """The largest segment that the far end may send to a host that connects to it."""
    server = theirs.host.popen([sys.executable, "-c", SEGMENT, theirs.address])
    assert server.popen.stdout is not None
    assert server.popen.stdout.readline() == "ready\n"
    connect = "import socket, sys; socket.create_connection((sys.argv[1], 5003), 10).recv(1)"
    behind.run([sys.executable, "-c", connect, theirs.address])
    return int(server.complete().stdout)


def test_the_rule_in_the_guide_makes_forwarded_connections_fit_the_route_to_a_peer(
    ends: tuple[Host, KernelEnd, KernelEnd],
) -> None:
    behind, ours, theirs = ends
    assert offered(behind, theirs) == 1420 - 40 - TIMESTAMPS
    with pytest.raises(CommandFailed):
        transfer(behind, theirs.host, theirs.address, FILE_BYTES, timeout=10)
    ours.host.run(["nft", *RULE.split()])
    assert offered(behind, theirs) == PATH_MTU - 40 - TIMESTAMPS
    done = transfer(behind, theirs.host, theirs.address, FILE_BYTES)
    assert done.size == FILE_BYTES
