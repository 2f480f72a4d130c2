"""Messages as pyroute2 hands them over; of the real kernel, test_netlink.py has them read."""

from __future__ import annotations

from meshdht.net.links import Link, link_of


def test_a_virtual_link_has_a_kind_an_alias_and_a_master() -> None:
    message = {
        "index": 4,
        "IFLA_IFNAME": "wg0",
        "IFLA_LINKINFO": {"IFLA_INFO_KIND": "wireguard"},
        "IFLA_IFALIAS": "meshdht /var/lib/meshdht/home",
        "IFLA_MASTER": 3,
    }
    assert link_of(message) == Link(4, "wg0", "wireguard", "meshdht /var/lib/meshdht/home", 3)


def test_a_card_has_none_of_these() -> None:
    assert link_of({"index": 2, "IFLA_IFNAME": "eth0"}) == Link(2, "eth0", "", "", 0)
    assert link_of({"index": 2, "IFLA_IFNAME": "eth0", "IFLA_LINKINFO": {}}).kind == ""
