"""What rtnetlink's messages say of routes (rtnetlink(7)), as pyroute2 reads them."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

# <linux/rtnetlink.h>
TABLE_MAIN = 254
TYPE_UNICAST = 1


@dataclass(frozen=True, slots=True)
class Way:
    """How this machine reaches an address: by an interface, from an address of its own."""

    interface: str
    next_hop: str
    """The gateway, or the address itself."""
    source: str


def way(host: str, routes: Iterable[Any]) -> Way | None:
    """By which of the routes that the kernel names for it an address is reached; None if by none,
    or if it is this machine's own."""
    for route in routes:
        name = interface_name(route.get("RTA_OIF") or 0)
        gateway, source = route.get("RTA_GATEWAY"), route.get("RTA_PREFSRC")
        if route["type"] == TYPE_UNICAST and name and source:
            return Way(name, str(gateway or host), str(source))
    return None


def route_mtu(route: Any) -> int | None:
    """How large a packet may be that takes a route, if the route says so."""
    metrics = route.get("RTA_METRICS")
    mtu = metrics.get("RTAX_MTU") if metrics else None
    return None if mtu is None else int(mtu)


def host_route(host: IPv4Address | IPv6Address, index: int) -> dict[str, Any]:
    """What pyroute2 wants for a route to one host behind an interface."""
    route: dict[str, Any] = {"dst": f"{host}/{host.max_prefixlen}", "oif": index}
    return {**route, "scope": "link"} if host.version == 4 else {**route, "family": socket.AF_INET6}


def ways(route: Any) -> list[str]:
    """The interfaces that a route goes out by: several where it has several next hops."""
    hops = route.get("RTA_MULTIPATH")
    indices = [hop["oif"] for hop in hops] if hops else [route.get("RTA_OIF") or 0]
    return [interface_name(index) for index in indices]


def interface_name(index: int) -> str:
    """Empty if there is none of that index."""
    try:
        return socket.if_indextoname(index)
    except OSError:  # it has just vanished, or a route has several next hops
        return ""


def nearest_gateways(routes: Iterable[Any], excluding: Collection[str]) -> list[tuple[str, str]]:
    """The next hop of the main table's default route and its interface, IPv4's before IPv6's: of
    several the one of the least metric, and none by an interface that is excluded."""
    found: dict[int, tuple[int, str, str]] = {}
    for route in routes:
        gateway, interface = route.get("RTA_GATEWAY"), ways(route)[0]
        if route["type"] != TYPE_UNICAST or route["dst_len"] or not gateway:
            continue
        if route.get("RTA_TABLE") != TABLE_MAIN or interface in ("", *excluding):
            continue
        hop = (route.get("RTA_PRIORITY") or 0, str(gateway), interface)
        version = ip_address(gateway).version
        found[version] = min(hop, found.get(version, hop))
    return [(gateway, interface) for _, (_, gateway, interface) in sorted(found.items())]
