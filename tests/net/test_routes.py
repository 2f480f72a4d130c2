"""Messages of routes, read."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from meshdht.net.routes import host_route, interface_name, nearest_gateways, route_mtu, ways

LOOPBACK = 1


class Route(dict[str, Any]):
    """A unicast route of the main table by the loopback interface, the only one that is
    everywhere."""

    def __init__(self, **fields: Any) -> None:
        own = {"type": 1, "dst_len": 0, "RTA_TABLE": 254, "RTA_OIF": LOOPBACK}
        super().__init__(own | fields)


def test_the_gateway_of_least_metric_counts_in_each_family() -> None:
    routes = [
        Route(RTA_GATEWAY="fe80::1", RTA_PRIORITY=1024),
        Route(RTA_GATEWAY="192.0.2.1", RTA_PRIORITY=600),
        Route(RTA_GATEWAY="192.0.2.9"),
    ]
    assert nearest_gateways(routes, ()) == [("192.0.2.9", "lo"), ("fe80::1", "lo")]
    assert nearest_gateways(routes, ("lo",)) == []


def test_what_is_no_default_route_by_a_gateway_counts_nowhere() -> None:
    hop = {"RTA_GATEWAY": "192.0.2.1"}
    others = [
        Route(),
        Route(**hop, dst_len=8),
        Route(**hop, type=7),
        Route(**hop, RTA_TABLE=77),
        Route(**hop, RTA_OIF=2**31 - 1),
    ]
    assert nearest_gateways(others, ()) == []


def test_a_route_says_its_mtu_its_ways_and_how_to_make_one() -> None:
    assert route_mtu(Route(RTA_METRICS={"RTAX_MTU": 1400})) == 1400
    assert route_mtu(Route()) is None
    assert ways(Route(RTA_MULTIPATH=[{"oif": LOOPBACK}, {"oif": 2**31 - 1}])) == ["lo", ""]
    assert interface_name(LOOPBACK) == "lo"
    ipv4 = {"dst": "192.0.2.7/32", "oif": LOOPBACK, "scope": "link"}
    assert host_route(ip_address("192.0.2.7"), LOOPBACK) == ipv4
    assert host_route(ip_address("2001:db8::7"), LOOPBACK)["dst"] == "2001:db8::7/128"
