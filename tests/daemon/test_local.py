"""This machine's place in the network around it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, ip_interface
from typing import Any

import pytest

from meshdht.daemon.local import (
    choose_range,
    networks_of,
    refuse_local_overlap,
    usable_addresses,
)
from meshdht.errors import RangeOverlap, UsageError
from meshdht.net.links import Link
from meshdht.net.netlink import LocalAddress, LocalRange
from tests.daemon.stand_ins import FakeNetlink

SHARED = IPv4Network("100.64.0.0/10")
SEED = bytes(16)


def address(text: str, interface: str) -> LocalAddress:
    parsed: IPv4Interface | IPv6Interface = ip_interface(text)
    return LocalAddress(parsed.ip, interface, parsed.network)


def machine(
    addresses: Sequence[LocalAddress] = (),
    taken: Sequence[LocalRange] = (),
    links: Sequence[Link] = (),
) -> Any:
    return FakeNetlink(addresses, taken, links=links)


async def test_other_machines_reach_our_port_at_every_outer_address() -> None:
    netlink = machine(
        [
            address("192.168.1.5/24", "eth0"),
            address("2001:db8::5/64", "eth0"),
            address("100.99.0.1/18", "mesh-home"),
            address("172.17.0.1/16", "docker0"),
            address("203.0.113.9/32", "ppp0"),
        ],
        links=[Link(2, "eth0", "", ""), Link(3, "docker0", "bridge", "")],
    )
    usable = await usable_addresses(netlink, "mesh-home")
    assert [str(each.address) for each in usable] == ["192.168.1.5", "2001:db8::5", "203.0.113.9"]
    # Nobody else is on a /32.
    assert [str(network) for network in networks_of(usable)] == ["192.168.1.0/24", "2001:db8::/64"]


async def test_an_interface_of_ours_by_another_name_is_left_out_too() -> None:
    netlink = machine([address("100.99.0.1/18", "wan-tunnel"), address("192.168.1.5/24", "eth0")])
    (usable,) = await usable_addresses(netlink, "wan-tunnel")
    assert usable.interface == "eth0"


async def test_an_interface_that_the_user_excluded_is_left_out() -> None:
    netlink = machine([address("10.9.0.1/24", "wlan0"), address("192.168.1.5/24", "eth0")])
    (usable,) = await usable_addresses(netlink, "mesh-home", ["wlan0"])
    assert usable.interface == "eth0"


async def test_two_addresses_on_one_network_are_one_network() -> None:
    netlink = machine([address("192.168.1.5/24", "eth0"), address("192.168.1.6/24", "wlan0")])
    usable = await usable_addresses(netlink, "mesh-home")
    assert len(usable) == 2
    assert len(networks_of(usable)) == 1


async def test_the_default_range_is_within_the_shared_space_and_free() -> None:
    taken: list[LocalRange] = []
    for _ in range(20):
        chosen = await choose_range(machine(taken=taken), None, SEED)
        assert chosen.subnet_of(SHARED)
        assert not any(chosen.overlaps(IPv4Network(each.network)) for each in taken)
        taken.append(LocalRange(chosen, "eth0"))


async def test_the_users_range_is_taken_as_it_is_or_refused_by_name() -> None:
    netlink = machine(taken=[LocalRange(IPv4Network("10.5.0.0/24"), "eth1")])
    assert await choose_range(netlink, "10.6.0.0/16", SEED) == IPv4Network("10.6.0.0/16")
    with pytest.raises(RangeOverlap, match="eth1"):
        await choose_range(netlink, "10.5.0.0/16", SEED)
    with pytest.raises(UsageError, match="not an IPv4 range"):
        await choose_range(netlink, "ten", SEED)


async def test_our_own_interface_does_not_overlap_itself() -> None:
    mesh = IPv4Network("100.99.0.0/18")
    netlink = machine(taken=[LocalRange(mesh, "mesh-home")])
    await refuse_local_overlap(netlink, mesh, excluding="mesh-home")
    with pytest.raises(RangeOverlap, match="mesh-home"):
        await refuse_local_overlap(netlink, mesh, excluding="mesh-work")
