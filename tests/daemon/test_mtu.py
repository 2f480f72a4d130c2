"""How large the tunnel's packets may be."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Any

import pytest

from meshdht.daemon.mtu import outer_mtus, tunnel_mtu
from meshdht.net.links import Link
from meshdht.net.netlink import LocalAddress
from meshdht.wireguard.messages import OVERHEAD
from tests.daemon.stand_ins import FakeNetlink


@pytest.mark.parametrize(
    ("outer", "tunnel"),
    [
        ([1500], 1420),
        ([1492], 1412),
        ([1500, 1400], 1320),
        ([1360], 1280),
        ([1359], 1280),
        ([576], 1280),
        ([9000], 1420),
        ([9000, 65536], 1420),
        ([], 1420),
    ],
)
def test_the_smallest_way_out_decides_between_two_bounds(outer: list[int], tunnel: int) -> None:
    assert tunnel_mtu(outer) == tunnel


def test_a_full_packet_leaves_whole_over_ipv6() -> None:
    assert tunnel_mtu([1400]) + OVERHEAD + 8 + 40 == 1400


def machine(default_mtus: list[int], link_mtus: dict[str, int]) -> Any:
    addresses = [("eth0", "192.168.1.2/24"), ("eth1", "10.0.0.2/24"), ("docker0", "172.17.0.1/16")]
    interfaces = [(name, ip_interface(text)) for name, text in addresses]
    return FakeNetlink(
        [LocalAddress(each.ip, name, each.network) for name, each in interfaces],
        default_mtus=default_mtus,
        link_mtus=link_mtus,
        links=[Link(4, "docker0", "bridge", "")],
    )


LINKS = {"eth0": 1500, "eth1": 1400, "docker0": 1300, "lo": 65536}


async def test_default_routes_are_the_ways_out() -> None:
    assert await outer_mtus(machine([1492], LINKS), "mesh-home", []) == [1492]


async def test_without_one_the_networks_are_where_others_may_be() -> None:
    assert await outer_mtus(machine([], LINKS), "mesh-home", []) == [1500, 1400]
    assert await outer_mtus(machine([], LINKS), "mesh-home", ["eth1"]) == [1500]


async def test_an_interface_that_vanished_meanwhile_says_nothing() -> None:
    assert await outer_mtus(machine([], {"eth0": 1500}), "mesh-home", []) == [1500]
