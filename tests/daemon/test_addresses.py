"""Which of a machine's addresses others may reach it at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from ipaddress import ip_interface

import pytest

from meshdht.daemon.addresses import outer_addresses
from meshdht.net.links import Link
from meshdht.net.netlink import LocalAddress


def address(text: str, interface: str) -> LocalAddress:
    parsed = ip_interface(text)
    return LocalAddress(parsed.ip, interface, parsed.network)


def told(
    addresses: Sequence[LocalAddress],
    links: Sequence[Link] = (),
    ways_out: Collection[str] = (),
) -> list[str]:
    return [str(each.address) for each in outer_addresses(addresses, links, ways_out)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("wg0", "wireguard"),
        ("tailscale0", "tun"),
        ("mesh-work", "tun"),
        ("ztabcdef", "tun"),
        ("flannel.1", "vxlan"),
        ("kube-ipvs0", "dummy"),
        ("ve-box", "veth"),
        ("cali0123", "veth"),
        ("vboxnet0", ""),
    ],
)
def test_an_interface_whose_neighbours_are_no_machines_is_left_out(name: str, kind: str) -> None:
    links = [Link(2, "eth0", "", ""), Link(3, name, kind, "")]
    found = [address("192.168.1.5/24", "eth0"), address("10.3.0.1/24", name)]
    assert told(found, links, {"eth0"}) == ["192.168.1.5"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("tap0", "tun"), ("he6", "sit"), ("host0", "veth"), ("br0", "bridge"), ("ve-up", "veth")],
)
def test_whatever_leads_to_the_world_is_a_way_in_as_well(name: str, kind: str) -> None:
    assert told([address("10.0.2.100/24", name)], [Link(2, name, kind, "")], {name})


def test_a_vpn_that_takes_all_traffic_is_still_another_vpn() -> None:
    assert told([address("10.8.0.2/24", "wg0")], [Link(2, "wg0", "wireguard", "")], {"wg0"}) == []


@pytest.mark.parametrize("kind", ["", "vlan", "bond", "macvlan", "ppp", "veth"])
def test_a_lan_that_leads_nowhere_is_told(kind: str) -> None:
    assert told([address("192.168.9.2/24", "lan0")], [Link(2, "lan0", kind, "")])


def test_a_bridge_is_outer_with_a_card_in_it_and_inner_with_containers_alone() -> None:
    bridges = [Link(10, "br-lan", "bridge", ""), Link(11, "anything", "bridge", "")]
    plugs = [
        Link(2, "lan1", "", "", master=10),
        Link(3, "veth12", "veth", "", master=10),
        Link(4, "veth13", "veth", "", master=11),
        Link(5, "vnet0", "tun", "", master=11),
    ]
    found = [address("192.168.1.1/24", "br-lan"), address("172.18.0.1/16", "anything")]
    assert told(found, [*bridges, *plugs], {"wan"}) == ["192.168.1.1"]
    # docker0 before the first container.
    assert told(found, bridges, {"wan"}) == []


def test_addresses_that_name_no_machine_on_the_network_are_left_out() -> None:
    found = [
        address("169.254.7.7/16", "eth0"),
        address("192.0.0.2/29", "eth0"),
        address("fe80::5/64", "eth0"),
        address("203.0.113.9/32", "eth0"),
    ]
    assert told(found) == ["203.0.113.9"]


def test_of_the_temporary_addresses_of_a_network_the_newest_is_told() -> None:
    lasting = address("2001:db8::5/64", "eth0")
    days = [
        replace(address(f"2001:db8::a:{n}/64", "eth0"), is_temporary=True, preferred_s=86400.0 * n)
        for n in range(1, 8)
    ]
    assert told([lasting, *days]) == ["2001:db8::5", "2001:db8::a:7"]
    other = replace(address("2001:db8:1::a/64", "eth0"), is_temporary=True, preferred_s=9e4)
    assert told([*days, other]) == ["2001:db8::a:7", "2001:db8:1::a"]


def test_a_temporary_address_in_its_last_minute_is_told_only_where_there_is_no_other() -> None:
    ending = replace(address("2001:db8::a/64", "eth0"), is_temporary=True, preferred_s=20.0)
    assert told([address("2001:db8::5/64", "eth0"), ending]) == ["2001:db8::5"]
    assert told([ending]) == ["2001:db8::a"]
