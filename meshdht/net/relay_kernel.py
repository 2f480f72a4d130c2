"""What a relay lends is passed on by the kernel: nftables (netdev family), no packet comes up here.

A hook at the ingress of the interfaces that the borrowers are behind looks each datagram up by
source and port, writes the relay's address and port for the source and the other side's for the
destination, and sends it out by the interface that leads there:

    ip saddr . udp sport . udp dport ──map──► chain of one side: limit, rewrite, fwd to the next hop

Nothing but those pairs is ever forwarded: the machine is no router, and ``ip_forward`` stays as it
is. Fragments, and what the rules do not know, go to the port's socket as before. The elements of
the maps expire by themselves, and are renewed: whatever ends this process, the kernel forgets. The
table is written anew as a whole, in one transaction, whenever a pair comes or goes.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.errors import PlatformError
from meshdht.net.command import run_command
from meshdht.net.netlink import Netlink
from meshdht.net.relay_rate import RelayRate
from meshdht.waiting import set_within

log = logging.getLogger(__name__)

# How long the kernel goes on by itself, and how often it is told that we are still there.
LIFETIME_S = 120
RENEW_S = 40.0
_INTERFACE = re.compile(r"[A-Za-z0-9_.@-]{1,15}")


@dataclass(frozen=True, slots=True)
class Direction:
    """What comes to a port from one side, and how it goes on to the other."""

    port: int
    source: Endpoint
    by: str
    """The interface that it comes in by."""
    to: Endpoint
    own: str
    """The relay's address, as the other side knows it."""
    next_hop: str
    out: str
    """The interface that it goes out by."""


class KernelForwarder:
    """``table``: the name of the nftables table that is ours alone. Implements ``Forwarder``."""

    def __init__(self, table: str, netlink: Netlink, rate: RelayRate | None = None) -> None:
        self._table = table
        self._netlink = netlink
        self._rate = rate or RelayRate()
        self._pairs: dict[int, tuple[Endpoint, Endpoint]] = {}
        self._wake = asyncio.Event()
        self._has_worked = False
        self.trouble = ""
        """Why the kernel passes nothing on; empty while it can."""

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None:
        self._pairs[port] = (one, other)
        self._wake.set()

    def part(self, port: int) -> None:
        if self._pairs.pop(port, None) is not None:
            self._wake.set()

    async def start(self) -> bool:
        """Make the table, in place of what an earlier process may have left; False, and a
        ``trouble``, if that cannot be."""
        await self._write()
        return not self.trouble

    async def run(self) -> None:
        """Keep the kernel told, for ever; not if it could not be told at the start."""
        while not self.trouble or self._has_worked:
            await set_within(self._wake, RENEW_S if self._pairs else None)
            self._wake.clear()
            await self._write()

    async def close(self) -> None:
        """Remove the table."""
        await remove_table(self._table)

    async def _directions(self) -> list[Direction]:
        """Of the pairs that the kernel can pass on between."""
        mtus = await self._netlink.link_mtus()
        found = []
        for port, (one, other) in sorted(self._pairs.items()):
            if one.is_ipv6 != other.is_ipv6 or LOOPBACK in (one.host, other.host):
                continue
            here, there = (
                await self._netlink.way_to(one.host),
                await self._netlink.way_to(other.host),
            )
            if here is None or there is None:
                continue
            if mtus.get(here.interface) != mtus.get(there.interface):
                # Whoever forwards at this place cuts nothing to size.
                continue
            if all(map(_INTERFACE.fullmatch, (here.interface, there.interface))):
                for source, by, to, way in (
                    (one, here.interface, other, there),
                    (other, there.interface, one, here),
                ):
                    found.append(
                        Direction(port, source, by, to, way.source, way.next_hop, way.interface)
                    )
        return found

    async def _write(self) -> None:
        try:
            await _nft(ruleset(self._table, await self._directions(), self._rate))
        except PlatformError as error:
            if error.message != self.trouble:
                log.warning("relayed traffic is passed on without nftables: %s", error.message)
            self.trouble = error.message
        else:
            self.trouble, self._has_worked = "", True


async def remove_table(table: str) -> bool:
    """Remove a table; False if there is none."""
    try:
        await _nft(f"delete table netdev {table}\n")
    except PlatformError:
        return False
    return True


def ruleset(table: str, directions: Sequence[Direction], rate: RelayRate) -> str:
    """What ``nft -f`` reads to have these passed on, and nothing else."""
    lines = [
        f"add table netdev {table}",
        f"delete table netdev {table}",
        f"table netdev {table} {{",
    ]
    for number, family in ((4, "ip"), (6, "ip6")):
        mine = {
            f"side{index}": each
            for index, each in enumerate(directions)
            if each.source.is_ipv6 == (number == 6)
        }
        lines += _family(number, family, mine, rate)
    for interface in sorted({each.by for each in directions}):
        # Of fragments only the first has ports: all of them go up, to be joined there.
        lines += [
            f"  chain in_{_letters(interface)} {{",
            f'    type filter hook ingress device "{interface}" priority 0; policy accept;',
            "    meta pkttype host ip frag-off & 0x3fff == 0"
            " ip saddr . udp sport . udp dport vmap @sides4",
            "    meta pkttype host ip6 nexthdr udp ip6 saddr . udp sport . udp dport vmap @sides6",
            "  }",
        ]
    return "\n".join([*lines, "}", ""])


def _family(
    number: int, family: str, directions: Mapping[str, Direction], rate: RelayRate
) -> list[str]:
    kind = f"ipv{number}_addr"
    over = f"limit rate over {rate.bytes_per_s} bytes/second drop"
    lines = []
    for name, each in directions.items():
        lines += [
            f"  chain {name} {{",
            *([f"    {over}"] if rate.mbit else []),
            "    counter",
            f"    {family} saddr set {each.own} {family} daddr set {each.to.host}"
            f" udp sport set {each.port} udp dport set {each.to.port}"
            f' fwd {family} to {each.next_hop} device "{each.out}"',
            "  }",
        ]
    elements = ", ".join(
        f"{each.source.host} . {each.source.port} . {each.port} timeout {LIFETIME_S}s : goto {name}"
        for name, each in directions.items()
    )
    lines += [
        f"  map sides{number} {{",
        f"    type {kind} . inet_service . inet_service : verdict; flags timeout;",
        *([f"    elements = {{ {elements} }}"] if elements else []),
        "  }",
    ]
    return lines


def _letters(interface: str) -> str:
    """A name that nft takes for a chain."""
    return "".join(each if each.isalnum() else f"_{ord(each)}_" for each in interface)


async def _nft(rules: str) -> None:
    """Have them read, all or none; raises PlatformError."""
    hint = "run with sudo; in a container: --cap-add NET_ADMIN"
    await run_command("nft", "-f", "-", said=rules, hint=hint)
