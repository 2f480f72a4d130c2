"""Who is linked to whom, as the local API tells it: one's own paths, and the word of others."""

from __future__ import annotations

from typing import Literal

from meshdht.api.link_messages import Link as LinkLine
from meshdht.api.link_messages import Links
from meshdht.crypto.keys import DeviceId
from meshdht.node.node import Node
from meshdht.wire.links import Link, LinkKind

_WORDS: dict[LinkKind, Literal["lan", "direct", "relay"]] = {
    LinkKind.LAN: "lan",
    LinkKind.DIRECT: "direct",
    LinkKind.RELAY: "relay",
}


async def links_report(network: str, node: Node) -> Links:
    """Asks the connected members first. What one says of a link to itself, to this device, or to
    one that is no member is passed over."""
    told = await node.links.survey()
    own = node.identity.device
    said: dict[tuple[DeviceId, DeviceId], dict[DeviceId, Link]] = {}
    for link in node.links.own():
        said[_pair(own, link.device)] = {own: link}
    for teller, answer in told.items():
        for link in answer.links:
            if link.device not in (teller, own) and link.device in node.roster:
                said.setdefault(_pair(teller, link.device), {})[teller] = link
    lines = [_line(node, ends, words) for ends, words in said.items()]
    silent = [node.roster.name_of(each) for each in node.connected if each not in told]
    return Links(
        network=network,
        links=tuple(sorted(lines, key=lambda line: (not line.own, line.ends))),
        silent=tuple(sorted(silent)),
    )


def _pair(one: DeviceId, other: DeviceId) -> tuple[DeviceId, DeviceId]:
    return (one, other) if one.raw < other.raw else (other, one)


def _line(node: Node, ends: tuple[DeviceId, DeviceId], words: dict[DeviceId, Link]) -> LinkLine:
    own = node.identity.device
    first, second = sorted(ends, key=lambda each: (each != own, node.roster.name_of(each)))
    rtts = [link.rtt_s for link in words.values() if link.rtt_s is not None]
    losses = [link.loss for link in words.values() if link.loss is not None]
    return LinkLine(
        ends=(node.roster.name_of(first), node.roster.name_of(second)),
        ids=(str(first), str(second)),
        kind=_WORDS[max(link.kind for link in words.values())],
        rtt_ms=round(max(rtts) * 1000, 2) if rtts else None,
        loss=round(max(losses), 3) if losses else None,
        told_by=tuple(sorted(node.roster.name_of(each) for each in words)),
        own=own in ends,
    )
