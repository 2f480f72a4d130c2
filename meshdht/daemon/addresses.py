"""At which of its addresses a machine may be reached by others, judged by what they are on.

A default route by an interface makes it a way out, whatever it is: a tunnel to an IPv6 provider,
the one device of a rootless container. Without one,

- a bridge is outer if something that is no container's or virtual machine's is plugged in, and the
  inner network of these otherwise, whoever made it;
- tunnels and devices that lead nowhere are left out: other VPNs, and meshes of this program;
- everything else is outer, the LAN that leads nowhere else too.

Of IPv6 addresses the lasting ones are told, and of the temporary ones (RFC 8981) on each network
the newest: packets are sent from that, and firewalls let answers in there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import ip_network

from meshdht.net.links import Link
from meshdht.net.netlink import LocalAddress

# What a container or a virtual machine is plugged in by.
_INNER_PLUGS = frozenset({"veth", "tun"})
# Always: its peers are reached inside it, and so is the mesh's own.
_NEVER = frozenset({"wireguard"})
_BY_DEFAULT_ROUTE = frozenset(
    {
        "tun", "dummy", "ifb", "vxlan", "geneve", "sit", "gre", "gretap", "ip6gre", "ipip",
        "ip6tnl", "vti", "vti6", "xfrm", "erspan", "nlmon",
    }
)  # fmt: skip
# The machine's ends of cables to containers, and host-only networks that have no kind.
_INNER_NAMES = ("veth", "ve-", "vb-", "cali", "lxc", "vnet", "vmnet", "vboxnet")
# A provider's own between its routers and us (RFC 6333, RFC 7335).
_NOBODYS = ip_network("192.0.0.0/24")
# One that is about to be given up is told to nobody, if there is another.
_SOON_S = 60.0


def outer_addresses(
    addresses: Sequence[LocalAddress], links: Sequence[Link], ways_out: Collection[str]
) -> list[LocalAddress]:
    """Those where other machines may reach this one; ``ways_out`` have a default route."""
    inner = {link.name for link in links if _is_inner(link, links, ways_out)}
    outer = [
        each
        for each in addresses
        if each.interface not in inner
        and not each.address.is_link_local
        and each.address not in _NOBODYS
    ]
    return [each for each in outer if not each.is_temporary or each is _newest(each, outer)]


def _is_inner(link: Link, links: Sequence[Link], ways_out: Collection[str]) -> bool:
    if link.kind in _NEVER:
        return True
    if link.name in ways_out:
        return False
    if link.kind == "bridge":
        return all(each.kind in _INNER_PLUGS for each in links if each.master == link.index)
    return link.kind in _BY_DEFAULT_ROUTE or link.name.startswith(_INNER_NAMES)


def _newest(address: LocalAddress, outer: Sequence[LocalAddress]) -> LocalAddress | None:
    """Of the addresses on its network the temporary one that is preferred longest; None if that
    ends soon and a lasting one is there."""
    same = [
        each
        for each in outer
        if (each.interface, each.network) == (address.interface, address.network)
    ]
    newest = max((each for each in same if each.is_temporary), key=lambda each: each.preferred_s)
    if newest.preferred_s < _SOON_S and not all(each.is_temporary for each in same):
        return None
    return newest
