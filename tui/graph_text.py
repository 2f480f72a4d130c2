"""The mesh as a picture: this device in the middle, the others around it, a line for each path.
Pure, and free of Textual.

A line is what this device knows: its own paths, and through whom they go; thinner, the links among
the others, as those that it is connected to tell them. Where nobody tells, none is drawn. Two that
are seen at one outside address are most likely behind one router; a faint line joins them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.style import Style
from rich.text import Text

from meshdht.api.link_messages import Link
from meshdht.api.messages import Peer
from meshdht.api.text import link_text, rtt_text

from .canvas import Canvas, Point
from .colours import BAD, FAINT, GOOD, MUTED, WARN
from .format import LOSS_MINDED, shape

_LABEL = 20
_SOLID, _DASHED, _DOTTED = "#", "####...", "#..."
# The same for links among the others, which are not to drown this device's own.
_THIN_SOLID, _THIN_DASHED, _THIN_DOTTED = "#..", "###......", "#......."
# Of more links than this only those of the chosen one are drawn: a full mesh of 50 has 1,176.
LINKS_DRAWN = 60
_OWN = ""
_RELAY = "relay "
"""What the ids of places begin with that are of no peer: anchors that relay."""


Entry = tuple[str, str, Peer | None]
"""The id and the name of one that stands around this device; None: an anchor, which is no peer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands; ``side`` is -1 left of the middle, 1 right of it."""

    id: str
    name: str
    x: int
    y: int
    side: int
    peer: Peer | None

    @property
    def point(self) -> Point:
        return self.x + 0.5, self.y + 0.5


def around(peers: Sequence[Peer]) -> list[Entry]:
    """Who stands around this device, in the order in which they do: those of the LAN, those of one
    outside address, relays before whom they relay for, and those who are away."""
    known = {peer.name for peer in peers}
    relays = {peer.path.relay for peer in peers if peer.online and peer.path.relay}
    found: list[tuple[tuple[object, ...], Entry]] = [
        ((3, name, 0, ""), (_RELAY + name, name, None)) for name in relays - known
    ]
    for peer in peers:
        found.append((_rank(peer, relays), (peer.id, peer.name, peer)))
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]


def _rank(peer: Peer, relays: set[str]) -> tuple[object, ...]:
    if not peer.online:
        return 4, "", 0, peer.name
    if peer.path.kind == "relay":
        return 3, peer.path.relay or "", 1, peer.name
    if peer.name in relays:
        return 3, peer.name, 0, ""
    if peer.path.kind == "lan":
        return 1, "", 0, peer.name
    return 2, outside(peer), 0, peer.name


def outside(peer: Peer) -> str:
    """The address at which a peer is seen; empty where that says nothing of where it is."""
    if not peer.online or peer.path.kind != "direct" or peer.path.endpoint is None:
        return ""
    return peer.path.endpoint.rpartition(":")[0]


def places(peers: Sequence[Peer], own: str, width: int, height: int) -> list[Place] | None:
    """This device first, then the others around it clockwise from the top; None where there are
    more than lines for them."""
    ring = around(peers)
    if len(ring) > 2 * height or width < 2 * _LABEL or height < 3:
        return None
    middle = Place(_OWN, own, width // 2, height // 2, 1, None)
    reach = max(6.0, min(width / 2 - _LABEL - 2, 1.15 * height))
    right, left = _sides(ring)
    found = [middle]
    for side, group in ((1, right), (-1, left)):
        for number, (id, name, peer) in enumerate(group):
            y = int((number + 0.5) * height / len(group))
            slope = (y - (height - 1) / 2) / (height / 2 + 0.5)
            x = round(width / 2 + side * reach * math.sqrt(max(0.05, 1 - slope * slope)))
            found.append(Place(id, name, x, y, side, peer))
    return found


def _sides(
    ring: list[Entry],
) -> tuple[list[Entry], list[Entry]]:
    """Who stands right and left of the middle, from the top down: those who are there go round
    clockwise, those who are away stand below them."""
    there = [each for each in ring if each[2] is None or each[2].online]
    away = [each for each in ring if each[2] is not None and not each[2].online]
    half = (len(there) + 1) // 2
    rest = (len(ring) + 1) // 2 - half
    return there[:half] + away[:rest], there[half:][::-1] + away[rest:]


def draw(
    peers: Sequence[Peer],
    own: str,
    width: int,
    height: int,
    chosen: str | None,
    links: Sequence[Link] = (),
) -> Text | None:
    """The picture, ``chosen`` marked; None where there are more peers than lines for them."""
    found = places(peers, own, width, height)
    if found is None:
        return None
    canvas = Canvas(width, height)
    middle, *others = found
    _draw_sites(canvas, others)
    _draw_links(canvas, others, shown_links(links, chosen))
    by_name = {place.name: place for place in others}
    for place in sorted(others, key=lambda each: each.id == chosen):
        _draw_link(canvas, middle, place, by_name)
    for place in others:
        _write(canvas, place, place.id == chosen, width)
    label = Text.assemble((f" {own} ", Style(reverse=True, bold=True)))
    canvas.words(middle.x - len(label) // 2, middle.y, label)
    return canvas.text()


def _draw_sites(canvas: Canvas, others: Sequence[Place]) -> None:
    for one, other in pairwise(others):
        if one.peer is None or other.peer is None or one.side != other.side:
            continue
        if outside(one.peer) and outside(one.peer) == outside(other.peer):
            canvas.line(one.point, other.point, FAINT, "##..")


def shown_links(links: Sequence[Link], chosen: str | None) -> list[Link]:
    """Of the links among the others those to draw: of the chosen one alone, if there is one."""
    others = [link for link in links if not link.own]
    if chosen is not None:
        return [link for link in others if chosen in link.ids]
    return others if len(others) <= LINKS_DRAWN else []


def _draw_links(canvas: Canvas, others: Sequence[Place], links: Sequence[Link]) -> None:
    """Before this device's own, which lie on top."""
    by_id = {place.id: place for place in others}
    for link in links:
        one, other = (by_id.get(each) for each in link.ids)
        if one is not None and other is not None:
            colour, pattern = thin_line_of(link)
            canvas.line(one.point, other.point, colour, pattern)


def thin_line_of(link: Link) -> tuple[str, str]:
    """The colour and pattern of a link among the others, as ``line_of`` says of a path."""
    if link.loss is not None and link.loss >= LOSS_MINDED:
        return BAD, _THIN_DOTTED
    if link.kind == "relay":
        return WARN, _THIN_DASHED
    return MUTED, _THIN_SOLID


def _draw_link(canvas: Canvas, middle: Place, place: Place, by_name: dict[str, Place]) -> None:
    """A line for what is known of a path; none to one that is away."""
    peer = place.peer
    if peer is None:
        canvas.line(middle.point, place.point, WARN, _DASHED)
        return
    if not peer.online:
        return
    start = middle
    if peer.path.kind == "relay":
        start = by_name.get(peer.path.relay or "", middle)
    colour, pattern = line_of(peer)
    canvas.line(start.point, place.point, colour, pattern)
    if peer.path.kind == "lan":
        x, y = start.point
        canvas.line((x, y + 0.26), (place.x + 0.5, place.y + 0.76), colour, pattern)


def line_of(peer: Peer) -> tuple[str, str]:
    """The colour and pattern of a path: solid, dashed by a relay, dotted where it loses packets."""
    if peer.loss is not None and peer.loss >= LOSS_MINDED:
        return BAD, _DOTTED
    if peer.path.kind == "relay":
        return WARN, _DASHED
    return GOOD, _SOLID


def _write(canvas: Canvas, place: Place, is_chosen: bool, width: int) -> None:
    """The mark at its place, the name on the side away from the middle."""
    mark, colour = shape(place.peer) if place.peer is not None else ("◇", WARN)
    room = (width - place.x - 3) if place.side > 0 else place.x - 2
    bold = "bold" if place.peer is None or place.peer.online else MUTED
    label = Text.assemble((place.name, bold))
    peer = place.peer
    if peer is not None and peer.online and peer.rtt_ms is not None:
        told = f" {rtt_text(peer.rtt_ms)}"
        if len(label) + len(told) <= room:
            label = Text.assemble(label, (told, MUTED))
    label.truncate(max(1, room), overflow="ellipsis")
    if is_chosen:
        label.stylize(Style(reverse=True))
    label.stylize(Style(meta={"@click": f"screen.pick('{place.id}')"}))
    canvas.words(place.x, place.y, Text.assemble((mark, colour)))
    at = place.x + 2 if place.side > 0 else place.x - 1 - len(label)
    canvas.words(at, place.y, label)


def groups(peers: Sequence[Peer], width: int, chosen: str | None) -> Text:
    """A line of marks for each kind of path: where there are too many for a picture."""
    found: dict[str, list[Peer]] = {}
    for _, _, peer in around(peers):
        if peer is not None:
            found.setdefault(_group(peer), []).append(peer)
    lines = []
    for title, members in found.items():
        marks = max(1, (width - 30) // 2)
        head = Text.assemble((f" {title:<20.20}", "bold"), (f"{len(members):>4}   ", MUTED))
        for begin in range(0, len(members), marks):
            line = head if not begin else Text(" " * 28)
            for peer in members[begin : begin + marks]:
                line.append_text(_mark(peer, peer.id == chosen)).append(" ")
            lines.append(line)
        lines.append(Text())
    return Text("\n", no_wrap=True).join(lines)


def _group(peer: Peer) -> str:
    if not peer.online:
        return "away"
    if peer.path.kind == "relay":
        return f"by relay {peer.path.relay}"
    return "on this LAN" if peer.path.kind == "lan" else "direct"


def _mark(peer: Peer, is_chosen: bool) -> Text:
    mark, colour = shape(peer)
    if peer.online and line_of(peer)[0] == BAD:
        mark, colour = "◍", BAD
    text = Text.assemble((mark, colour))
    text.stylize(Style(meta={"@click": f"screen.pick('{peer.id}')"}))
    if is_chosen:
        text.stylize(Style(reverse=True))
    return text


def caption(peer: Peer | None, width: int, links: Sequence[Link] = ()) -> Text:
    """What is known of the one that is chosen, and if there is room, what the lines mean."""
    text, meaning = _about(peer, links), legend()
    gap = width - text.cell_len - meaning.cell_len
    if gap >= 2:
        text = Text.assemble(text, " " * gap, meaning, no_wrap=True)
    text.truncate(width, overflow="ellipsis")
    return text


def _about(peer: Peer | None, links: Sequence[Link]) -> Text:
    if peer is None:
        return Text.assemble((" ↑ ↓ choose a device", MUTED), no_wrap=True)
    mark, colour = shape(peer)
    text = Text.assemble(
        (f" {mark} ", colour), (peer.name, "bold"), "  ", (link_text(peer), colour), no_wrap=True
    )
    if peer.online:
        text.append(f"  {rtt_text(peer.rtt_ms)}")
    if peer.online and peer.loss:
        text.append(f"  {peer.loss:.0%} lost", BAD if peer.loss >= LOSS_MINDED else WARN)
    if told := shown_links(links, peer.id):
        text.append(f"  linked to {len(told)} other{'s' * (len(told) != 1)}", MUTED)
    if peer.path.why and (not peer.online or peer.path.kind == "relay"):
        text.append(f"  {peer.path.why}", MUTED)
    return text


def legend() -> Text:
    """What the lines mean."""
    return Text.assemble(
        ("⣒⣒ ", GOOD), ("LAN  ", MUTED),
        ("⠒⠒ ", GOOD), ("direct  ", MUTED),
        ("⠒ ⠒ ", WARN), ("relay  ", MUTED),
        ("⠂ ⠂ ", BAD), ("lossy  ", MUTED),
        ("⠂⠂⠂ ", MUTED), ("others’  ", MUTED),
        no_wrap=True,
    )  # fmt: skip
