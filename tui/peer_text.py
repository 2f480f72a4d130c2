"""One peer in full, as text: who it is, how its traffic and round trips went, every way to it.
Pure, and free of Textual."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from meshdht.api.device_messages import Device
from meshdht.api.messages import Peer
from meshdht.api.path_messages import PathPair, PathReport
from meshdht.api.text import (
    NOTHING,
    age_text,
    handshake_text,
    link_text,
    moment_text,
    rtt_text,
    size_text,
)

from .charts import answered, area
from .colours import ACCENT, BAD, FAINT, GOOD, MUTED, WARN
from .format import shape
from .ledger import Ledger

_LABEL = 11
FACT_LINES = 7
_ROOMY = 44
_STATES = {
    "alive": ("●", GOOD),
    "doubted": ("◐", WARN),
    "probing": ("◌", ACCENT),
    "new": ("◌", MUTED),
    "silent": ("○", MUTED),
    "dead": ("✕", BAD),
    "unreachable": ("–", FAINT),
    "refused": ("–", FAINT),
}


def facts(
    peer: Peer,
    ledger: Ledger,
    device: Device | None,
    report: PathReport | None,
    width: int,
    now: float,
) -> Text:
    """Who it is and how it is reached, in ``FACT_LINES`` lines; ``device`` and ``report`` are None
    until the daemon has told of them."""
    seen = handshake_text(ledger.handshake_age_s(peer, now))
    why = peer.path.why or (report.why if report is not None else "")
    lines = [
        _line("addresses", ("  ".join(peer.addresses) or NOTHING, ACCENT), *_tags(peer)),
        _line("path", (link_text(peer), shape(peer)[1]), (f"  {seen}", MUTED)),
        _line("because", (why, WARN)) if why else _line("joined", *_joined(device)),
        _line("NAT", *_nat(report)),
        _line("WireGuard", (device.wireguard_key or NOTHING) if device is not None else "…"),
        _line("signing", (device.signing_key or NOTHING) if device is not None else "…"),
        _line("device id", peer.id, *_release(peer, ledger)),
    ]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def _line(label: str, *parts: str | tuple[str, str]) -> Text:
    return Text.assemble((f"{label:<{_LABEL}}", MUTED), *parts)


def _tags(peer: Peer) -> list[str | tuple[str, str]]:
    return [("   tags ", MUTED), " ".join(peer.tags)] if peer.tags else []


def _release(peer: Peer, ledger: Ledger) -> list[str | tuple[str, str]]:
    if not peer.release:
        return []
    is_same = ledger.status is not None and peer.release == ledger.status.daemon
    return [("   version ", MUTED), (peer.release, "" if is_same else WARN)]


def _joined(device: Device | None) -> list[str | tuple[str, str]]:
    if device is None:
        return [NOTHING]
    parts: list[str | tuple[str, str]] = [moment_text(device.joined)]
    if device.admin:
        parts.append(("  admin", ACCENT))
    return parts


def _nat(report: PathReport | None) -> list[str | tuple[str, str]]:
    if report is None:
        return ["…"]
    unknown = ("not known", FAINT)
    return [
        ("here ", MUTED),
        report.nat_here or unknown,
        (" · there ", MUTED),
        report.nat_there or unknown,
    ]


def chart(
    values: Sequence[float], said: str, about: str, colour: str, width: int, height: int
) -> Text:
    """What is so now, what was the most, and the recent past below."""
    top = max(answered(values), default=0.0)
    line = Text.assemble((said, "bold"), ("  " + about if about else "", MUTED), no_wrap=True)
    line.truncate(width, overflow="ellipsis")
    rows = area(values, width, max(0, height - 1), top)
    return Text("\n").join([line, *(Text(row, colour) for row in rows)])


def rtt_chart(peer: Peer, values: Sequence[float], width: int, height: int) -> Text:
    """The round trips that were measured, the latest at the right; a gap: none came back."""
    told = []
    came = answered(values)
    if peer.online and peer.loss is not None:
        told.append(f"loss {peer.loss:.0%}")
    if came and width >= _ROOMY:
        told.append(f"best {rtt_text(min(came))}, worst {rtt_text(max(came))}")
    about = "  ".join(told)
    said = rtt_text(peer.rtt_ms if peer.online else None)
    return chart(values, said, about, ACCENT, width, height)


def rate_chart(rate: float, values: Sequence[float], width: int, height: int) -> Text:
    """The traffic of each second, the latest at the right."""
    peak = max(values, default=0.0)
    about = f"peak {size_text(peak)}/s" if peak >= 1 else ""
    return chart(values, f"{size_text(rate)}/s", about, GOOD, width, height)


def way_cells(pair: PathPair) -> list[Text]:
    """One way: endpoint, kind, state, round trip, last answer, what is the matter."""
    mark, colour = _STATES[pair.state]
    rtt = Text(rtt_text(pair.rtt_ms)) if pair.rtt_ms is not None else Text(NOTHING, FAINT)
    answered = f"{age_text(pair.answered_s)} ago" if pair.answered_s is not None else "never"
    return [
        Text.assemble(("▸ " if pair.best else "  ", ACCENT), (pair.endpoint, "bold" * pair.best)),
        Text(pair.kind, WARN if pair.kind == "relay" else ""),
        Text(f"{mark} {pair.state}", colour),
        rtt,
        Text(answered, MUTED),
        Text("in use" if pair.best and not pair.note else pair.note, MUTED),
    ]
