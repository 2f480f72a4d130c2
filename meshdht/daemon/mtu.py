"""How large the tunnel's packets may be, from what the networks around bear.

Every packet leaves inside a datagram that is ENCAPSULATION bytes larger. One that is larger than
the way out bears would go in fragments, two for one, which many routers and firewalls drop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meshdht.daemon.local import usable_addresses
from meshdht.net.netlink import Netlink
from meshdht.wireguard.constants import DEFAULT_MTU

# IPv6 (40), UDP (8), header and tag of a transport message (16 + 16). Over IPv4 it is 20 less,
# but a path may change from one to the other at any moment.
ENCAPSULATION = 80
# IPv6 wants so much of every link (RFC 8200, section 5); the kernel takes it off a smaller one.
MTU_MIN = 1280
MTU_MAX = 9000


def tunnel_mtu(outer: Iterable[int]) -> int:
    """Where the ways out bear so much each. Never more than DEFAULT_MTU, which all devices have on
    a usual network: of two that differ, what the larger sends reaches the smaller in fragments."""
    return max(MTU_MIN, min([DEFAULT_MTU, *(each - ENCAPSULATION for each in outer)]))


async def outer_mtus(netlink: Netlink, own_interface: str, excluded: Sequence[str]) -> list[int]:
    """Of the ways out of this machine: its default routes, other VPNs' too, or where there is none
    the networks that it is on. Empty while there is neither. Raises PlatformError."""
    mtus = await netlink.default_mtus(excluding=own_interface)
    if mtus:
        return mtus
    of_links = await netlink.link_mtus()
    usable = await usable_addresses(netlink, own_interface, excluded)
    return [of_links[each.interface] for each in usable if each.interface in of_links]
