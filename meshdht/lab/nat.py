"""Kinds of routers, in the terms of RFC 4787 and RFC 5780, as nftables rule sets.

Whatever the kind, a router drops what comes to its outside unasked. Answering (with ICMP, say)
would let an early packet from a peer take the place in connection tracking that the mapping needs.
IPv6 is never translated: a router lets out what comes from inside, and in what answers it.

Linux maps endpoint-independently by itself, keeps ports, and filters by address and port. Where a
kind filters less, the router learns which inner address has which port (``inbound``) and, if it
goes by addresses, whom that one has sent to (``seen``), as long as Linux remembers a stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from meshdht.lab.process import LabError

REMEMBERED = "2m"  # nf_conntrack_udp_timeout_stream


class Mapping(StrEnum):
    """Which outer port packets from one inner endpoint get."""

    NONE = "no translation"
    ENDPOINT_INDEPENDENT = "endpoint-independent mapping, ports kept"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent mapping, ports at random"


class Filtering(StrEnum):
    """Whose packets to an outer port are let in."""

    ENDPOINT_INDEPENDENT = "endpoint-independent filtering"
    ADDRESS_DEPENDENT = "address-dependent filtering"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent filtering"


@dataclass(frozen=True, slots=True)
class NatKind:
    """``hairpin``: one inside reaches another by its outer endpoint. ``tcp_only``: all that gets
    out is TCP to these ports. ``port_mapping``: miniupnpd runs on it (UPnP, NAT-PMP, PCP)."""

    mapping: Mapping = Mapping.ENDPOINT_INDEPENDENT
    filtering: Filtering = Filtering.ADDRESS_AND_PORT_DEPENDENT
    hairpin: bool = False
    tcp_only: tuple[int, ...] = ()
    port_mapping: bool = False

    @property
    def description(self) -> str:
        more = ["hairpin"] * self.hairpin + ["UPnP, NAT-PMP and PCP"] * self.port_mapping
        if self.tcp_only:
            more.append(f"nothing but TCP to {' and '.join(map(str, self.tcp_only))}")
        return ", ".join([self.mapping, self.filtering, *more])


NAT_KINDS = {
    "firewall": NatKind(Mapping.NONE),
    "full-cone": NatKind(filtering=Filtering.ENDPOINT_INDEPENDENT),
    "address-restricted": NatKind(filtering=Filtering.ADDRESS_DEPENDENT),
    "port-restricted": NatKind(),
    "hairpin": NatKind(hairpin=True),
    "symmetric": NatKind(Mapping.ADDRESS_AND_PORT_DEPENDENT),
    "udp-blocked": NatKind(tcp_only=(80, 443)),
    "upnp": NatKind(port_mapping=True),
}


def kind_called(name: str) -> NatKind:
    """The kind of that name; LabError with those there are."""
    if name not in NAT_KINDS:
        raise LabError(f"no such NAT: {name}", f"there are {', '.join(sorted(NAT_KINDS))}")
    return NAT_KINDS[name]


def ruleset(kind: NatKind, outside: str, address: str) -> str:
    """The rules of a router, as ``nft -f`` reads them, in the place of all that it has.
    ``outside`` is its outer interface and ``address`` the IPv4 address that has."""
    ports = ", ".join(map(str, kind.tcp_only))
    return f"""
flush ruleset
table inet filter {{
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname "{outside}" ct state established,related accept
        iifname "{outside}" icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
        iifname "{outside}" drop
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        iifname != "{outside}" {f"tcp dport {{ {ports} }}" if ports else ""} accept
        ct state established,related accept
        ct status dnat accept
        jump miniupnpd
    }}
    chain miniupnpd {{ }}
}}
{"" if kind.mapping is Mapping.NONE else _translation(kind, outside, address)}
"""


def _translation(kind: NatKind, outside: str, address: str) -> str:
    randomly = kind.mapping is Mapping.ADDRESS_AND_PORT_DEPENDENT
    let_in = {
        Filtering.ENDPOINT_INDEPENDENT: "dnat ip to udp dport map @inbound",
        Filtering.ADDRESS_DEPENDENT: "udp dport . ip saddr @seen dnat ip to udp dport map @inbound",
        Filtering.ADDRESS_AND_PORT_DEPENDENT: "",
    }[kind.filtering]
    prerouting = f'iifname "{outside}" meta l4proto udp {let_in}' if let_in else ""
    turned = hairpin = ""
    if kind.hairpin:
        turned = f'iifname != "{outside}" ip daddr {address} dnat ip to udp dport map @inbound'
        # The sender's own outer endpoint is what the other one sees (RFC 4787, REQ-9).
        hairpin = (
            f'iifname != "{outside}" oifname != "{outside}" ct status dnat snat ip to {address}'
        )
    return f"""
table inet nat {{
    map inbound {{
        type inet_service : ipv4_addr
        flags dynamic,timeout
        timeout {REMEMBERED}
    }}
    set seen {{
        type inet_service . ipv4_addr
        flags dynamic,timeout
        timeout {REMEMBERED}
    }}
    chain prerouting {{
        type nat hook prerouting priority dstnat; policy accept;
        jump prerouting_miniupnpd
        {prerouting}
        {turned}
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        jump postrouting_miniupnpd
        oifname "{outside}" meta nfproto ipv4 masquerade {"random,fully-random" * randomly}
        {hairpin}
    }}
    chain sent {{
        type filter hook postrouting priority srcnat + 10; policy accept;
        oifname "{outside}" meta nfproto ipv4 meta l4proto udp ct direction original jump learn
    }}
    chain learn {{
        update @inbound {{ udp sport : ct original ip saddr }}
        update @seen {{ udp sport . ip daddr }}
    }}
    chain prerouting_miniupnpd {{ }}
    chain postrouting_miniupnpd {{ }}
}}
"""
