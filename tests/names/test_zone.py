"""The zone as a view of the roster."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import NetworkId
from meshdht.membership.administration import NameBody
from meshdht.membership.extra_names import Target
from meshdht.membership.roster import Roster
from meshdht.names.zone import Found, domain_of, find, loopback_address, reverse_zones
from tests.membership.household import Household


def household(ipv4_range: str = "100.99.0.0/18") -> Roster:
    made = Household(ipv4_range=IPv4Network(ipv4_range))
    made.invite(0, uses=3)
    made.admit(1, name="laptop")
    return made.roster()


def test_each_device_has_a_name_with_its_addresses() -> None:
    roster = household()
    for device in roster:
        assert device.ipv4 is not None
        both = (device.ipv4, device.ipv6)
        assert find(roster, f"{device.name}.home.internal") == Found("home.internal", True, both)


def test_a_name_that_an_admin_added_has_what_it_stands_for() -> None:
    made = Household()
    one = IPv4Address("192.168.1.9")
    made.write(NameBody("printer", (Target(one),)))
    made.write(NameBody("blog", (Target("nas"),)))
    roster = made.roster()
    assert find(roster, "printer.home.internal") == Found("home.internal", True, (one,))
    alias = Found("home.internal", alias="nas.home.internal")
    assert find(roster, "blog.home.internal") == alias


@pytest.mark.parametrize("name", ["tv.home.internal", "a.nas.home.internal", ".home.internal"])
def test_other_names_of_the_zone_do_not_exist(name: str) -> None:
    assert find(household(), name) == Found("home.internal", exists=False)


@pytest.mark.parametrize(
    "name",
    ["", "internal", "nas", "nas.work.internal", "athome.internal", "example.com", "nas.home",
     "home.internal.example.com", "1.0.99.101.in-addr.arpa", "arpa", "in-addr.arpa", "ip6.arpa",
     "100.in-addr.arpa", "99.100.in-addr.arpa", "1.64.99.100.in-addr.arpa", "0.ip6.arpa",
     "x.0.99.100.in-addr.arpa.home"],
)  # fmt: skip
def test_names_of_others_are_not_ours(name: str) -> None:
    assert find(household(), name) is None


@pytest.mark.parametrize("mesh", ["10.77.0.0/16", "100.99.64.0/18", "10.1.2.0/24", "10.1.2.16/28"])
def test_each_address_leads_to_its_name(mesh: str) -> None:
    roster = household(mesh)
    for device in roster:
        for address in (device.ipv4, device.ipv6):
            assert address is not None
            found = find(roster, address.reverse_pointer)
            assert found is not None
            assert found.pointer == f"{device.name}.home.internal"
            assert found.apex in reverse_zones(roster)
            assert address.reverse_pointer.endswith(found.apex)


@pytest.mark.parametrize(
    ("mesh", "count", "first"),
    [
        ("10.77.0.0/16", 1, "77.10.in-addr.arpa"),
        ("100.99.64.0/18", 64, "64.99.100.in-addr.arpa"),
        ("10.1.2.0/24", 1, "2.1.10.in-addr.arpa"),
        ("10.1.2.16/28", 16, "16.2.1.10.in-addr.arpa"),
    ],
)
def test_the_reverse_zones_are_the_mesh_and_no_more(mesh: str, count: int, first: str) -> None:
    roster = household(mesh)
    *ipv4, ipv6 = reverse_zones(roster)
    assert (len(ipv4), ipv4[0]) == (count, first)
    subnet = roster.ipv6_subnet
    assert subnet[0].reverse_pointer.endswith(ipv6)
    assert ipv6.count(".") == 16 + 1


@given(st.sampled_from(["10.77.0.0/16", "100.99.64.0/18", "10.1.2.16/28"]), st.data())
def test_an_address_is_ours_exactly_if_it_is_the_meshs(mesh: str, data: st.DataObject) -> None:
    roster = household(mesh)
    network = roster.ipv4_range
    near = st.integers(int(network[0]) - 300, int(network[-1]) + 300)
    address = ip_address(data.draw(near))
    assert (find(roster, address.reverse_pointer) is not None) == (address in network)


@pytest.mark.parametrize(
    ("name", "exists"),
    [
        ("0.99.100.in-addr.arpa", True),
        ("200.0.99.100.in-addr.arpa", False),
        ("300.0.99.100.in-addr.arpa", False),
        ("01.0.99.100.in-addr.arpa", False),
        ("1_0.0.99.100.in-addr.arpa", False),
        ("1.1.0.99.100.in-addr.arpa", False),
    ],
)
def test_what_is_between_zone_and_address(name: str, exists: bool) -> None:
    assert find(household(), name) == Found("0.99.100.in-addr.arpa", exists=exists)


def test_what_is_above_an_address_exists_without_anything_at_it() -> None:
    roster = household("10.77.0.0/16")
    assert find(roster, "3.77.10.in-addr.arpa") == Found("77.10.in-addr.arpa")
    device = next(iter(roster))
    above = device.ipv6.reverse_pointer.partition(".")[2]
    found = find(roster, above)
    assert found is not None
    assert found.exists


@given(st.text("0123456789abcdef.-x", max_size=80), st.sampled_from(["in-addr.arpa", "ip6.arpa"]))
def test_no_reverse_name_is_too_odd(below: str, suffix: str) -> None:
    find(household(), f"{below}.{suffix}")


def test_the_domain_is_the_networks() -> None:
    assert domain_of(household()) == "home.internal"


@given(st.binary(min_size=32, max_size=32))
def test_the_loopback_address_is_away_from_the_usual_ones(network: bytes) -> None:
    address = loopback_address(NetworkId(network))
    assert address in IPv4Network("127.64.0.0/10")
    assert address.packed[3] not in (0, 255)
    assert address == loopback_address(NetworkId(network))
