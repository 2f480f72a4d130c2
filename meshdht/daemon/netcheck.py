"""What the network around this device lets it do, found out by its node, and in a sentence."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Protocol

from meshdht.api.netcheck_messages import NatReport, NetCheck, RelayDelay, Udp
from meshdht.api.router_messages import RouterPort
from meshdht.endpoint import Endpoint
from meshdht.node.node import Node
from meshdht.paths.nat_behaviour import Behaviour, Filtering, Mapping

BLOCKED = "UDP gets nowhere from here: peers are reached by relays over TLS, if at all"
UNKNOWN = "no peer beyond this network answers: nothing is known of the way out"


class Streams(Protocol):
    """What is known of TCP (``StreamClient``)."""

    @property
    def server(self) -> Endpoint | None:
        """To whom the stream leads that is open."""

    @property
    def impostors(self) -> Sequence[Endpoint]:
        """Where others than machines of the mesh answered."""

    def look_again(self) -> None:
        """Try anew, if there is need."""


async def check_network(
    network: str,
    node: Node,
    router_ports: Callable[[], Sequence[RouterPort]],
    streams: Streams,
) -> NetCheck:
    """Look anew; takes less than three seconds."""
    begun = node.time.monotonic()
    streams.look_again()
    behaviour, _ = await asyncio.gather(node.traversal.checks.check(), node.look())
    udp: Udp = "unknown"
    if node.has_way():
        udp = "works"
    elif node.is_cut_off():
        udp = "blocked"
    gap_s = node.way_in.gap_s
    report = NatReport(
        mapping=behaviour.mapping.value,
        filtering=behaviour.filtering.value,
        hairpin=behaviour.hairpin,
        port_preserved=behaviour.port_preserved,
        lifetime_s=None if gap_s == math.inf else gap_s,
        forgets=gap_s != math.inf,
    )
    return NetCheck(
        network=network,
        udp=udp,
        public=tuple(str(endpoint) for endpoint in node.vantage.reflexive.endpoints),
        nat=report,
        port_mapping=tuple(port_line(each) for each in router_ports()),
        relays=relays(node),
        portal="" if udp == "works" else portal(node, streams),
        summary=summary(behaviour, udp),
        took_s=round(node.time.monotonic() - begun, 2),
        counters=dict(sorted(node.traversal.counters().items())),
    )


def port_line(port: RouterPort) -> str:
    """What a router does for this device, or why not."""
    if port.outer is None:
        return f"none by {port.gateway}" + (f": {port.trouble}" if port.trouble else "")
    behind = "" if port.public else ", in another private network"
    return f"{port.outer} by {port.protocol}{behind}"


def relays(node: Node) -> tuple[RelayDelay, ...]:
    """Those that answer, the nearest first."""
    places = node.relay_places().values()
    near = sorted(
        (each.delay_s, node.roster.name_of(each.relay)) for each in places if each.delay_s
    )
    return tuple(RelayDelay(name=name, rtt_ms=round(1000 * delay, 2)) for delay, name in near)


def portal(node: Node, streams: Streams) -> str:
    """Who stands between this device and the machines that should answer over TCP, in words; empty
    if nobody seems to. One that might have a web server of its own there says little by itself."""
    if streams.server is not None:
        return ""
    owners = node.stream_hosts()
    known = [each for each in streams.impostors if each in owners]
    if not known and len({each.host for each in streams.impostors}) < 2:
        return ""
    names = [f"{node.roster.name_of(owners[each])} ({each})" for each in known]
    places = ", ".join(names or map(str, streams.impostors))
    return f"something answers in the place of {places}: a captive portal or an inspecting proxy"


def summary(behaviour: Behaviour, udp: str) -> str:
    """What it means for the user."""
    if udp == "blocked":
        return BLOCKED
    if udp == "unknown":
        return UNKNOWN
    match behaviour.mapping:
        case Mapping.UNKNOWN:
            return "direct to some peers; too few have answered to say more"
        case Mapping.NONE:
            return "direct to all peers: there is no NAT before this device"
        case Mapping.ENDPOINT_INDEPENDENT:
            if behaviour.filtering is Filtering.ENDPOINT_INDEPENDENT:
                return "direct to all peers: the NAT lets everybody in"
            if behaviour.filtering is Filtering.ADDRESS_DEPENDENT:
                return "direct to all peers whose network lets UDP out"
            return "direct to most peers; to those behind symmetric NATs after some seconds"
        case _:
            return (
                "direct to most peers, to some after some seconds; needs a relay to reach peers"
                " behind symmetric NATs"
            )
