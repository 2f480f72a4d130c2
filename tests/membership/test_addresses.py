"""Mesh addresses and ranges."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import NetworkId, VerifyKey
from meshdht.errors import RangeOverlap, UsageError
from meshdht.membership.addresses import (
    AddressTable,
    default_range,
    ipv6_address,
    ipv6_subnet,
    parse_range,
    range_fault,
    refuse_overlap,
)

NETWORK = NetworkId(bytes(range(32)))
SHARED = IPv4Network("100.64.0.0/10")

keys = st.binary(min_size=32, max_size=32)


@given(keys, keys)
def test_ipv6_addresses_lie_in_a_local_64_of_the_network(network: bytes, device: bytes) -> None:
    subnet = ipv6_subnet(NetworkId(network))
    assert subnet.prefixlen == 64
    assert subnet.subnet_of(IPv6Network("fd00::/8"))
    assert ipv6_address(NetworkId(network), VerifyKey(device)) in subnet


def test_ipv6_addresses_differ_by_device_and_network() -> None:
    devices = [VerifyKey(bytes([value]) * 32) for value in range(20)]
    assert len({ipv6_address(NETWORK, device) for device in devices}) == 20
    assert ipv6_subnet(NETWORK) != ipv6_subnet(NetworkId(bytes(32)))


@given(st.binary(min_size=1, max_size=16))
def test_the_default_range_is_a_slice_of_the_shared_space(entropy: bytes) -> None:
    chosen = default_range(entropy)
    assert chosen.prefixlen == 18
    assert chosen.subnet_of(SHARED)
    assert not range_fault(chosen)
    assert not default_range(entropy, [chosen]).overlaps(chosen)


def test_a_machine_whose_shared_space_is_taken_is_told() -> None:
    with pytest.raises(RangeOverlap, match=r"all of 100\.64\.0\.0/10"):
        default_range(b"\0", [SHARED])


@pytest.mark.parametrize(
    "text", ["10.77.0.0/16", "192.168.50.0/24", "172.31.255.0/28", "100.64.0.0/16"]
)
def test_a_private_range_is_taken(text: str) -> None:
    assert parse_range(text) == IPv4Network(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("home", "not an IPv4 range"),
        ("fd00::/64", "not an IPv4 range"),
        ("10.0.0.1/16", "did you mean 10.0.0.0/16"),
        ("10.0.0.0", "did you mean"),
        ("10.0.0.0/8", "not between /16 and /28"),
        ("10.0.0.0/29", "not between /16 and /28"),
        ("8.8.0.0/16", "no private range"),
        ("169.254.0.0/16", "no private range"),
    ],
)
def test_a_range_that_cannot_be_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_range(text)
    assert reason in caught.value.message + caught.value.hint
    assert caught.value.hint


def test_an_overlap_names_the_interface() -> None:
    mesh = IPv4Network("192.168.0.0/16")
    refuse_overlap(mesh, [("eth0", IPv4Network("10.0.0.0/8")), ("any", IPv4Network("0.0.0.0/0"))])
    with pytest.raises(RangeOverlap, match=r"192.168.0.0/16 overlaps 192.168.1.0/24 on eth0"):
        refuse_overlap(mesh, [("eth0", IPv4Network("192.168.1.0/24"))])


@given(st.lists(keys, unique=True, max_size=20))
def test_ipv4_addresses_are_distinct_hosts_until_the_range_is_full(devices: list[bytes]) -> None:
    network = IPv4Network("10.0.0.0/28")
    table = AddressTable(network)
    taken = [table.take(VerifyKey(device)) for device in devices]
    addresses = [address for address in taken if address is not None]
    assert len(set(addresses)) == len(addresses) == min(len(devices), 14)
    assert set(addresses) <= set(network.hosts())


@given(keys)
def test_a_device_alone_gets_the_same_address_everywhere(device: bytes) -> None:
    network = IPv4Network("100.99.0.0/18")
    one, other = AddressTable(network), AddressTable(network)
    assert one.take(VerifyKey(device)) == other.take(VerifyKey(device))
