"""A router that marks packets instead of dropping them is heeded through the tunnel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshdht.lab.transfer import transfer
from meshdht.lab.world import World
from tests.engine.lab import PORT, EmbeddedEnd, End, WireGuardGoEnd
from tests.lab.marks import heeded

FILE_BYTES = 20_000_000

# What a router that is about to be full does to one train in ten that comes through it.
ROUTER = f"""
table netdev router {{
    chain ingress {{
        type filter hook ingress device "eth0" priority 0;
        udp dport {PORT} ip ecn ect0 numgen random mod 10 < 1 ip ecn set ce
        udp dport {PORT} ip6 ecn ect0 numgen random mod 10 < 1 ip6 ecn set ce
    }}
}}
"""


@pytest.fixture
def ends(world: World) -> Iterator[tuple[EmbeddedEnd, EmbeddedEnd, WireGuardGoEnd]]:
    switch = world.switch("internet")
    ours, theirs = (EmbeddedEnd(world.host(f"host{n}"), n, switch) for n in (1, 2))
    third = WireGuardGoEnd(world.host("host3"), 3, switch)
    yield ours, theirs, third
    for end in (ours, theirs, third):
        end.stop()


def prepare(*ends: End) -> None:
    for end in ends:
        end.host.run(["sysctl", "-qw", "net.ipv4.tcp_ecn=1"])
        end.host.run(["nft", "-f", "-"], input=ROUTER)


@pytest.mark.parametrize("ipv6", [False, True], ids=["over-ipv4", "over-ipv6"])
def test_marks_outside_are_heeded_by_connections_inside(
    ends: tuple[EmbeddedEnd, EmbeddedEnd, WireGuardGoEnd], ipv6: bool
) -> None:
    ours, theirs, _ = ends
    prepare(ours, theirs)
    theirs.start(ours, knows_endpoint=False, ipv6=ipv6)
    ours.start(theirs, ipv6=ipv6)
    for address in (theirs.address, f"fd00::{theirs.number}"):
        before = heeded(ours.host)
        done = transfer(ours.host, theirs.host, address, FILE_BYTES)
        assert done.size == FILE_BYTES
        assert heeded(ours.host) > before


def test_wireguard_go_neither_says_nor_heeds_anything_and_files_arrive_all_the_same(
    ends: tuple[EmbeddedEnd, EmbeddedEnd, WireGuardGoEnd],
) -> None:
    ours, _, third = ends
    prepare(ours, third)
    third.start(ours, knows_endpoint=False)
    ours.start(third)
    for one, other in ((ours, third), (third, ours)):
        assert transfer(one.host, other.host, other.address, FILE_BYTES).size == FILE_BYTES
        assert heeded(one.host) == 0
