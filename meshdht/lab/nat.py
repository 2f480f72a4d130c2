"""Kinds of NAT, in the terms of RFC 4787, as nftables rule sets.

Whatever the kind, a router drops what comes to its outside unasked. Answering (with ICMP, say)
would let an early packet from a peer take the place in connection tracking that the mapping needs.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.lab.process import LabError


@dataclass(frozen=True, slots=True)
class NatKind:
    """``postrouting``: the statement that translates what leaves by the outside."""

    description: str
    postrouting: str


NAT_KINDS = {
    "port-restricted": NatKind(
        "endpoint-independent mapping, address-and-port-dependent filtering, ports kept",
        "masquerade",
    ),
    "symmetric": NatKind(
        "address-and-port-dependent mapping and filtering, ports at random",
        "masquerade random,fully-random",
    ),
}


def ruleset(kind: str, outside: str) -> str:
    """The rules of a router whose outside interface is ``outside``, as ``nft -f`` reads them."""
    if kind not in NAT_KINDS:
        raise LabError(f"no such NAT: {kind}", f"there are {', '.join(sorted(NAT_KINDS))}")
    return f"""
table inet filter {{
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname "{outside}" ct state established,related accept
        iifname "{outside}" drop
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        iifname != "{outside}" accept
        ct state established,related accept
    }}
}}
table ip nat {{
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "{outside}" {NAT_KINDS[kind].postrouting}
    }}
}}
"""
