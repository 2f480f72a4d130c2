"""The peers table as text: which columns fit, what each cell says, in which order. Pure, and free
of Textual.

State is said by shape and word first and by colour second, so that it reads without colour.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from meshdht.api.messages import Peer, Status
from meshdht.api.text import (
    NOTHING,
    age_text,
    ipv4_first,
    path_text,
    rtt_text,
    size_text,
)

from .charts import spark
from .colours import ACCENT, BAD, FAINT, GOOD, MUTED, WARN
from .ledger import Ledger

_NAME_MAX, _PATH_MAX, _TAGS_MAX, _RELEASE_WIDTH = 26, 30, 18, 8
_ENDPOINT_FROM = 22
_PADDING = 2
# A round trip that people notice, and one that they mind.
_SLOW_MS, _SLUGGISH_MS = 80.0, 250.0
LOSS_MINDED = 0.1
_SEEN_STEP_S = 10
# Of the shortest round trip, so much is not drawn.
RTT_FLOOR = 0.7


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


@dataclass(frozen=True, slots=True)
class Filter:
    """Which peers are shown: those with a text in their name, addresses, path or tags, in a
    state."""

    text: str = ""
    state: str = "all"

    @property
    def is_on(self) -> bool:
        return self != Filter()

    def __str__(self) -> str:
        """As the table's title says it."""
        said = [self.state] if self.state != "all" else []
        return " ".join([*said, f"“{self.text}”"] if self.text else said)


STATES: dict[str, Callable[[Peer], bool]] = {
    "all": lambda peer: True,
    "online": lambda peer: peer.online,
    "relayed": lambda peer: peer.online and peer.path.kind == "relay",
    "offline": lambda peer: not peer.online,
}


def columns(width: int) -> list[Column]:
    """The columns that fit: seven at 80; loss, the trend, endpoints, totals, versions, tags and
    IPv6 where there is room."""
    base = [
        Column("name", "name", 12),
        Column("address", "address", 15),
        Column("path", "path", 11),
        Column("rtt", "rtt", 7, right=True),
        Column("received", "↓/s", 7, right=True),
        Column("sent", "↑/s", 7, right=True),
        Column("handshake", "seen", 6, right=True),
    ]
    spare = width - sum(column.width + _PADDING for column in base)
    endpoint = _PATH_MAX - base[2].width - _PADDING
    extra = [
        Column("loss", "loss", 5, right=True),
        Column("trend", "trend", 12),
        Column("endpoint", "", endpoint),
        Column("total_received", "↓ total", 8, right=True),
        Column("total_sent", "↑ total", 8, right=True),
        Column("release", "version", _RELEASE_WIDTH),
        Column("tags", "tags", _TAGS_MAX),
        Column("ipv6", "ipv6", 39),
    ]
    taken = {}
    for column in extra:
        if spare < column.width + _PADDING:
            break
        spare -= column.width + _PADDING
        taken[column.key] = column
    # Where a path leads is said beside its kind, once there is room for it.
    path = Column("path", "path", _PATH_MAX if taken.pop("endpoint", None) else base[2].width)
    name = Column("name", "name", base[0].width + max(0, min(spare, _NAME_MAX - base[0].width)))
    places = ["name", "address", "ipv6", "path", "rtt", "trend", "loss", "received", "sent"]
    places += ["total_received", "total_sent", "handshake", "release", "tags"]
    shown = {column.key: column for column in base} | taken | {"path": path, "name": name}
    return [shown[key] for key in places if key in shown]


def shape(peer: Peer) -> tuple[str, str]:
    """The mark and colour of a peer's state: ● direct, ◐ relayed, ○ away."""
    if not peer.online:
        return "○", MUTED
    if peer.path.kind == "relay":
        return "◐", WARN
    return "●", GOOD


def row_basis(peer: Peer, ledger: Ledger, now: float) -> tuple[object, ...]:
    """What a peer's cells are made of: while it is equal, so are they."""
    trail = ledger.trail(peer).rtt_ms
    measured = len(trail), trail[-1] if trail else None
    return peer, seen_text(ledger.handshake_age_s(peer, now)), ledger.rates(peer), measured


def seen_text(age_s: float | None) -> str:
    """An age as it stands in the table: below a minute in steps, so that not every row has to be
    drawn again each second."""
    if age_s is not None and _SEEN_STEP_S <= age_s < 60:
        age_s -= age_s % _SEEN_STEP_S
    return age_text(age_s)


def cell(column: Column, peer: Peer, ledger: Ledger, now: float) -> Text:
    """One cell of the peers table, cut to its column."""
    text = _CELLS[column.key](peer, ledger, now, column.width)
    text.truncate(column.width, overflow="ellipsis")
    text.justify = "right" if column.right else "left"
    if not peer.online and column.key != "name":
        text.stylize(MUTED)
    return text


def rtt_cell(peer: Peer) -> Text:
    """The round trip, coloured by how it feels."""
    if not peer.online or peer.rtt_ms is None:
        return Text(NOTHING, FAINT)
    colour = "" if peer.rtt_ms < _SLOW_MS else WARN if peer.rtt_ms < _SLUGGISH_MS else BAD
    return Text(rtt_text(peer.rtt_ms), colour)


def loss_cell(peer: Peer) -> Text:
    """The share of probes that were lost; nothing to see while none is."""
    if not peer.online or peer.loss is None:
        return Text(NOTHING, FAINT)
    colour = FAINT if not peer.loss else WARN if peer.loss < LOSS_MINDED else BAD
    return Text(f"{peer.loss:.0%}", colour)


def _name(peer: Peer, _ledger: Ledger, _now: float, _width: int) -> Text:
    mark, colour = shape(peer)
    return Text.assemble((f"{mark} ", colour), (peer.name, "bold" if peer.online else MUTED))


def _path(peer: Peer, _ledger: Ledger, _now: float, width: int) -> Text:
    if not peer.online:
        return Text("offline")
    kind = peer.path.kind
    text = path_text(peer.path) if width >= _ENDPOINT_FROM or kind == "relay" else kind
    return Text(NOTHING if kind == "none" else text, shape(peer)[1])


def _trend(peer: Peer, ledger: Ledger, _now: float, width: int) -> Text:
    measured = ledger.trail(peer).rtt_ms if peer.online else ()
    return Text(spark(measured, width, floor=RTT_FLOOR), ACCENT)


def _rate(number: int) -> Callable[[Peer, Ledger, float, int], Text]:
    def rate(peer: Peer, ledger: Ledger, _now: float, _width: int) -> Text:
        value = ledger.rates(peer)[number]
        return Text(size_text(value)) if value >= 1 else Text("0 B", FAINT)

    return rate


def _total(value: int) -> Text:
    return Text(size_text(value), "" if value else FAINT)


def release_text(peer: Peer, status: Status | None) -> Text:
    """Which release a peer runs; in another colour where this device runs another one."""
    if not peer.release:
        return Text(NOTHING, FAINT)
    is_same = status is not None and peer.release == status.daemon
    return Text(peer.release, MUTED if is_same else WARN)


def _ipv6(peer: Peer) -> str:
    return next((each for each in peer.addresses if ":" in each), NOTHING)


_CELLS: dict[str, Callable[[Peer, Ledger, float, int], Text]] = {
    "name": _name,
    "address": lambda peer, ledger, now, width: Text(ipv4_first(peer.addresses), ACCENT),
    "ipv6": lambda peer, ledger, now, width: Text(_ipv6(peer), MUTED),
    "path": _path,
    "handshake": lambda peer, ledger, now, width: Text(
        seen_text(ledger.handshake_age_s(peer, now)), MUTED
    ),
    "rtt": lambda peer, ledger, now, width: rtt_cell(peer),
    "trend": _trend,
    "loss": lambda peer, ledger, now, width: loss_cell(peer),
    "received": _rate(0),
    "sent": _rate(1),
    "total_received": lambda peer, ledger, now, width: _total(peer.rx_bytes),
    "total_sent": lambda peer, ledger, now, width: _total(peer.tx_bytes),
    "release": lambda peer, ledger, now, width: release_text(peer, ledger.status),
    "tags": lambda peer, ledger, now, width: Text(" ".join(peer.tags), MUTED),
}


def matching(peers: Iterable[Peer], wanted: Filter) -> list[Peer]:
    """The peers that a filter lets through."""
    words = wanted.text.lower().split()
    in_state = STATES[wanted.state]
    return [
        peer for peer in peers if in_state(peer) and all(word in haystack(peer) for word in words)
    ]


def haystack(peer: Peer) -> str:
    """What is searched of a peer, in small letters."""
    path = path_text(peer.path) if peer.online else "offline"
    return " ".join([peer.name, *peer.addresses, path, *peer.tags]).lower()


def ordered(
    ledger: Ledger, order: Order, now: float, peers: Sequence[Peer] | None = None
) -> list[Peer]:
    """The peers (or these of them) in order; what is not known comes last, names settle ties."""
    never = float("inf")
    keys: dict[str, Callable[[Peer], object]] = {
        "name": lambda peer: peer.name,
        "address": _numeric_address,
        "ipv6": _ipv6,
        "path": lambda peer: (
            not peer.online,
            ["lan", "direct", "relay", "none"].index(peer.path.kind),
        ),
        "handshake": lambda peer: _or(ledger.handshake_age_s(peer, now), never),
        "rtt": lambda peer: _or(peer.rtt_ms if peer.online else None, never),
        "trend": lambda peer: _or(peer.rtt_ms if peer.online else None, never),
        "loss": lambda peer: (not peer.online, -_or(peer.loss, -1.0)),
        "received": lambda peer: -ledger.rates(peer)[0],
        "sent": lambda peer: -ledger.rates(peer)[1],
        "total_received": lambda peer: -peer.rx_bytes,
        "total_sent": lambda peer: -peer.tx_bytes,
        "release": lambda peer: (not peer.release, peer.release),
        "tags": lambda peer: (not peer.tags, peer.tags),
    }
    key = keys[order.key]
    by_name = sorted(ledger.peers if peers is None else peers, key=lambda peer: peer.name)
    return sorted(by_name, key=key, reverse=order.reverse)  # type: ignore[arg-type]


def _or(value: float | None, fallback: float) -> float:
    return fallback if value is None else value


def _numeric_address(peer: Peer) -> tuple[int, int]:
    try:
        address = ipaddress.ip_address(ipv4_first(peer.addresses))
    except ValueError:
        return 99, 0
    return address.version, int(address)
