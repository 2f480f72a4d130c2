"""One peer in a few lines, below the table. Pure, and free of Textual."""

from __future__ import annotations

from rich.text import Text

from meshdht.api.messages import Peer
from meshdht.api.text import NOTHING, handshake_text, link_text, rtt_text, size_text

from .charts import spark
from .colours import ACCENT, GOOD, MUTED, WARN
from .format import RTT_FLOOR, loss_cell, shape
from .ledger import Ledger

LINES = 5
_LABEL = 12


def card(peer: Peer, ledger: Ledger, width: int, now: float) -> Text:
    """Everything that matters about one peer, in ``LINES`` lines."""
    trail = ledger.trail(peer)
    received, sent = ledger.rates(peer)
    seen = handshake_text(ledger.handshake_age_s(peer, now))
    chart = max(6, min(40, (width - 55) // 2))
    rtt = rtt_text(peer.rtt_ms if peer.online else None)
    lines = [
        _line("address", ("  ".join(peer.addresses) or NOTHING, ACCENT), *_tags(peer)),
        _line(
            "path",
            (link_text(peer), shape(peer)[1]),
            (f"  {seen}" if seen != NOTHING else "", MUTED),
        ),
        _reason(peer),
        _line(
            "round trip",
            f"{rtt:<8} ",
            (spark(trail.rtt_ms, chart, floor=RTT_FLOOR) if peer.online else "", ACCENT),
            *_loss(peer),
        ),
        _line(
            "traffic",
            f"↓ {size_text(peer.rx_bytes):<7} ",
            (f"{size_text(received) + '/s':<9} ", MUTED),
            (f"{spark(trail.received, chart):<{chart}}  ", GOOD),
            f"↑ {size_text(peer.tx_bytes):<7} ",
            (f"{size_text(sent) + '/s':<9} ", MUTED),
            (spark(trail.sent, chart), GOOD),
        ),
    ]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def _line(label: str, *parts: str | Text | tuple[str, str]) -> Text:
    return Text.assemble((f"{label:<{_LABEL}}", MUTED), *parts)


def _tags(peer: Peer) -> list[tuple[str, str]]:
    return [("   tags ", MUTED), (" ".join(peer.tags), "")] if peer.tags else []


def _loss(peer: Peer) -> list[Text | tuple[str, str]]:
    return [("  loss ", MUTED), loss_cell(peer)] if peer.online else []


def _reason(peer: Peer) -> Text:
    """Why it is relayed, or away; else which device it is."""
    if peer.path.why and (not peer.online or peer.path.kind == "relay"):
        return _line("because", (peer.path.why, WARN if peer.online else MUTED))
    return _line("device id", peer.id)
