"""This machine's place in the network around it: its addresses, and what overlaps the mesh."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, ip_network

from meshdht.daemon.addresses import outer_addresses
from meshdht.membership.addresses import default_range, parse_range, refuse_overlap
from meshdht.net.netlink import LocalAddress, Netlink
from meshdht.paths.candidate import Network

_SHARED = ip_network("100.64.0.0/10")


async def choose_range(netlink: Netlink, text: str | None, entropy: bytes) -> IPv4Network:
    """The user's range, or a free default; raises UsageError or RangeOverlap."""
    if text is not None:
        chosen = parse_range(text)
        await refuse_local_overlap(netlink, chosen, excluding="")
        return chosen
    taken = await netlink.overlaps(_SHARED, excluding="")
    return default_range(entropy, [r.network for r in taken if isinstance(r.network, IPv4Network)])


async def refuse_local_overlap(netlink: Netlink, mesh: IPv4Network, *, excluding: str) -> None:
    """Raise RangeOverlap if this machine already uses addresses of the mesh's range."""
    overlaps = await netlink.overlaps(mesh, excluding=excluding)
    refuse_overlap(
        mesh,
        [
            (each.interface, each.network)
            for each in overlaps
            if isinstance(each.network, IPv4Network)
        ],
    )


async def usable_addresses(
    netlink: Netlink, own_interface: str, excluded: Sequence[str] = ()
) -> list[LocalAddress]:
    """The addresses where other machines may reach this one; none of an ``excluded`` interface."""
    found = [
        each
        for each in await netlink.local_addresses()
        if each.interface not in (own_interface, *excluded)
    ]
    return outer_addresses(found, await netlink.links(), await netlink.ways_out())


def networks_of(addresses: Sequence[LocalAddress]) -> list[Network]:
    """Networks with other hosts on them: a /32 or /128 has none."""
    found = [each.network for each in addresses if each.network.num_addresses > 1]
    return list(dict.fromkeys(found))
