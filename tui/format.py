"""From a snapshot to text: columns, rows, bars and sparklines. Pure, and free of Textual.

State is said by shape and word first and by colour second, so that it reads without colour.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from meshdht.api.messages import ClockWarning, Peer, Status
from meshdht.api.text import (
    NOTHING,
    age_text,
    handshake_text,
    ipv4_first,
    link_text,
    path_text,
    rtt_text,
    size_text,
    span_text,
)

from .ledger import Ledger

GREEN, YELLOW, GREY, ACCENT = "#5fd7a7", "#e5c07b", "#7f8c98", "#56b6c2"
RED = "#e06c75"
_BARS = "▁▂▃▄▅▆▇█"
_NAME_MAX, _PATH_MAX = 26, 30
_ENDPOINT_FROM = 22


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the peers table; ``key`` names its sort order as well."""

    key: str
    title: str
    width: int
    right: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """How peers are sorted."""

    key: str = "name"
    reverse: bool = False


def columns(width: int) -> list[Column]:
    """The columns that fit: seven at 80, with endpoints and totals where there is room."""
    numbers = [
        Column("handshake", "seen", 6, right=True),
        Column("rtt", "rtt", 7, right=True),
        Column("received", "↓/s", 7, right=True),
        Column("sent", "↑/s", 7, right=True),
    ]
    name, address, path = 12, 15, 11
    spare = width - (name + address + path + sum(column.width for column in numbers) + 2 * 7)
    totals: list[Column] = []
    if spare >= 32:
        totals = [
            Column("total_received", "↓ total", 8, right=True),
            Column("total_sent", "↑ total", 8, right=True),
        ]
        spare -= 20
    grow = max(0, min(spare, _PATH_MAX - path))
    path += grow
    name += max(0, min(spare - grow, _NAME_MAX - name))
    return [
        Column("name", "name", name),
        Column("address", "address", address),
        Column("path", "path", path),
        *numbers,
        *totals,
    ]


def shape(peer: Peer) -> tuple[str, str]:
    """The mark and colour of a peer's state: ● direct, ◐ relayed, ○ away."""
    if not peer.online:
        return "○", GREY
    if peer.path.kind == "relay":
        return "◐", YELLOW
    return "●", GREEN


def row_basis(peer: Peer, ledger: Ledger, now: float) -> tuple[object, ...]:
    """What a peer's cells are made of: while it is equal, so are they."""
    return peer, age_text(ledger.handshake_age_s(peer, now)), ledger.rates(peer)


def cell(column: Column, peer: Peer, ledger: Ledger, now: float) -> Text:
    """One cell of the peers table, cut to its column."""
    text = _CELLS[column.key](peer, ledger, now, column.width)
    text.truncate(column.width, overflow="ellipsis")
    text.justify = "right" if column.right else "left"
    if not peer.online and column.key != "name":
        text.stylize(GREY)
    return text


def _name(peer: Peer, _ledger: Ledger, _now: float, _width: int) -> Text:
    mark, colour = shape(peer)
    return Text.assemble((f"{mark} ", colour), (peer.name, "bold" if peer.online else GREY))


def _path(peer: Peer, _ledger: Ledger, _now: float, width: int) -> Text:
    if not peer.online:
        return Text("offline")
    kind = peer.path.kind
    text = path_text(peer.path) if width >= _ENDPOINT_FROM or kind == "relay" else kind
    return Text(NOTHING if kind == "none" else text, shape(peer)[1])


def _seen(peer: Peer, ledger: Ledger, now: float, _width: int) -> Text:
    return Text(age_text(ledger.handshake_age_s(peer, now)))


def _rate(number: int) -> Callable[[Peer, Ledger, float, int], Text]:
    def rate(peer: Peer, ledger: Ledger, _now: float, _width: int) -> Text:
        value = ledger.rates(peer)[number]
        return Text(size_text(value), "" if value >= 1 else GREY)

    return rate


_CELLS: dict[str, Callable[[Peer, Ledger, float, int], Text]] = {
    "name": _name,
    "address": lambda peer, ledger, now, width: Text(ipv4_first(peer.addresses), ACCENT),
    "path": _path,
    "handshake": _seen,
    "rtt": lambda peer, ledger, now, width: Text(rtt_text(peer.rtt_ms if peer.online else None)),
    "received": _rate(0),
    "sent": _rate(1),
    "total_received": lambda peer, ledger, now, width: Text(size_text(peer.rx_bytes)),
    "total_sent": lambda peer, ledger, now, width: Text(size_text(peer.tx_bytes)),
}


def ordered(ledger: Ledger, order: Order, now: float) -> list[Peer]:
    """The peers in order; what is not known comes last, and names settle ties."""
    never = float("inf")
    keys: dict[str, Callable[[Peer], object]] = {
        "name": lambda peer: peer.name,
        "address": _numeric_address,
        "path": lambda peer: (
            not peer.online,
            ["lan", "direct", "relay", "none"].index(peer.path.kind),
        ),
        "handshake": lambda peer: _or(ledger.handshake_age_s(peer, now), never),
        "rtt": lambda peer: _or(peer.rtt_ms if peer.online else None, never),
        "received": lambda peer: -ledger.rates(peer)[0],
        "sent": lambda peer: -ledger.rates(peer)[1],
        "total_received": lambda peer: -peer.rx_bytes,
        "total_sent": lambda peer: -peer.tx_bytes,
    }
    key = keys[order.key]
    by_name = sorted(ledger.peers, key=lambda peer: peer.name)
    return sorted(by_name, key=key, reverse=order.reverse)  # type: ignore[arg-type]


def _or(value: float | None, fallback: float) -> float:
    return fallback if value is None else value


def _numeric_address(peer: Peer) -> tuple[int, int]:
    try:
        address = ipaddress.ip_address(ipv4_first(peer.addresses))
    except ValueError:
        return 99, 0
    return address.version, int(address)


def header(ledger: Ledger, network: str, width: int, now: float) -> Text:
    """The top line: which network, which device, how many are there."""
    left = Text.assemble((" meshdht ", "bold reverse"), "  ", (network, "bold"))
    status = ledger.status
    if status is None:
        return left
    left.append(f"  {status.device.name}", "bold")
    left.append(f" {ipv4_first(status.device.addresses)}", ACCENT)
    left.append(f"  {status.engine}, up {age_text(ledger.uptime_s(now))}", GREY)
    if ledger.problem is not None:
        right = Text("○ no daemon, trying again ", YELLOW)
    else:
        online = sum(peer.online for peer in status.peers)
        colour = GREEN if online else GREY
        right = Text(f"{'●' if online else '○'} {online} of {len(status.peers)} online ", colour)
    right = Text.assemble(*marks(status), right)
    gap = width - left.cell_len - right.cell_len
    if gap < 1:
        left.truncate(max(1, width - right.cell_len - 1), overflow="ellipsis")
        gap = 1
    line = Text.assemble(left, " " * gap, right, no_wrap=True)
    line.truncate(width)
    return line


def marks(status: Status) -> list[Text]:
    """What somebody should look after, the most urgent first."""
    found = []
    if status.copy_heard is not None:
        found.append(Text(f"⚠ a second {status.device.name} is running  ", RED))
    if status.held_out_by:
        first, *others = status.held_out_by
        more = f" +{len(others)}" if others else ""
        found.append(Text(f"⚠ revoked for {first}{more}  ", YELLOW))
    if status.applicants:
        verb = "waits" if status.applicants == 1 else "wait"
        found.append(Text(f"● {status.applicants} {verb} for approval  ", YELLOW))
    if status.clocks:
        found.append(clock_mark(status.clocks))
    return found


def clock_mark(clocks: Sequence[ClockWarning]) -> Text:
    """``⚠ clock of pi 21 days behind``; of several, the first and how many more."""
    first = clocks[0]
    direction = "ahead" if first.ahead_s > 0 else "behind"
    more = f" +{len(clocks) - 1}" if len(clocks) > 1 else ""
    span = span_text(abs(first.ahead_s))
    return Text(f"⚠ clock of {first.device} {span} {direction}{more}  ", YELLOW)


def card(peer: Peer, ledger: Ledger, width: int, now: float) -> Text:
    """Everything about one peer, in five lines."""
    trail = ledger.trail(peer)
    received, sent = ledger.rates(peer)
    colour = shape(peer)[1]
    seen = handshake_text(ledger.handshake_age_s(peer, now))
    chart = max(8, min(30, (width - 53) // 2))
    lines = [
        Text.assemble(("address    ", GREY), ("  ".join(peer.addresses) or NOTHING, ACCENT)),
        Text.assemble(("path       ", GREY), (link_text(peer), colour), (f"  {seen}", GREY)),
        Text.assemble(
            ("round trip ", GREY),
            f"{rtt_text(peer.rtt_ms if peer.online else None):<9} ",
            (spark(trail.rtt_ms, chart * 2), ACCENT),
        ),
        Text.assemble(
            ("traffic    ", GREY),
            f"↓ {size_text(peer.rx_bytes):<7} ",
            (f"{size_text(received) + '/s':<9} ", GREY),
            (f"{spark(trail.received, chart):<{chart}}  ", GREEN),
            f"↑ {size_text(peer.tx_bytes):<7} ",
            (f"{size_text(sent) + '/s':<9} ", GREY),
            (spark(trail.sent, chart), GREEN),
        ),
        Text.assemble(("device id  ", GREY), peer.id),
    ]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def spark(values: Sequence[float], width: int) -> str:
    """The last ``width`` values as bars, the tallest of them full; flat where all are nothing."""
    shown = list(values)[-width:]
    top = max(shown, default=0.0)
    if top <= 0:
        return _BARS[0] * len(shown)
    return "".join(_BARS[min(7, int(value / top * 7.999))] for value in shown)
