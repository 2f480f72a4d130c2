from __future__ import annotations

import ipaddress

import pytest

from meshdht.endpoint import Endpoint
from meshdht.paths.candidate import PathKind, is_probeable, path_kind

LAN = [ipaddress.ip_network("192.168.1.0/24"), ipaddress.ip_network("fd00:1::/64")]
MESH = [ipaddress.ip_network("100.64.0.0/18"), ipaddress.ip_network("fd12:3456::/48")]


@pytest.mark.parametrize("text", ["192.168.1.9:1", "[fd00:1::9]:1"])
def test_an_address_on_an_own_network_is_lan(text: str) -> None:
    assert path_kind(Endpoint.parse(text), LAN) is PathKind.LAN


@pytest.mark.parametrize("text", ["192.168.2.9:1", "[fd00:2::9]:1", "203.0.113.1:1"])
def test_an_address_elsewhere_is_direct(text: str) -> None:
    assert path_kind(Endpoint.parse(text), LAN) is PathKind.DIRECT


@pytest.mark.parametrize(
    "text",
    [
        "100.64.3.4:1",
        "[fd12:3456::1]:1",
        "127.0.0.1:1",
        "[::1]:1",
        "224.0.0.251:5353",
        "0.0.0.0:1",
        "169.254.1.1:1",
        "[fe80::1]:1",
        "203.0.113.1:0",
    ],
)
def test_what_is_no_single_host_outside_the_mesh_is_not_probed(text: str) -> None:
    assert not is_probeable(Endpoint.parse(text), MESH)


@pytest.mark.parametrize("text", ["203.0.113.1:9", "192.168.1.9:9", "[2001:db8::1]:9"])
def test_ordinary_addresses_are_probed(text: str) -> None:
    assert is_probeable(Endpoint.parse(text), MESH)
