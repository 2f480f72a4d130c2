"""The DHT as text: its neighbours, its buckets, what was looked for, what is held. Pure, and free
of Textual."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from meshdht.api.dht_messages import (
    DhtBucket,
    DhtContact,
    DhtReport,
    DhtSearch,
    DhtValue,
)
from meshdht.api.text import NOTHING, age_text, rtt_text, size_text

from .colours import ACCENT, BAD, FAINT, GOOD, MUTED, WARN

_WHAT = {"nodes": "find nodes", "value": "look up", "publish": "publish"}
_SOURCES = {"own": "this device", "read": "read here"}
_FULL = 8


def summary(report: DhtReport) -> Text:
    """One line: how many there are, how well they are known, what is held."""
    contacts = sum(bucket.contacts for bucket in report.buckets)
    facts = [
        ("nodes", f"about {report.nodes}"),
        ("contacts", f"{contacts} in {_count(len(report.buckets), 'bucket')}"),
        ("held", f"{_count(report.held, 'record')}, {size_text(report.held_bytes)}"),
        ("k", str(report.k)),
    ]
    line = Text(no_wrap=True)
    for label, said in facts:
        line.append(f"{label} ", MUTED).append(f"{said}   ")
    return line


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def contact_cells(contact: DhtContact) -> list[Text]:
    """A neighbour: name, kind, endpoint, shared bits, round trip, last answer, failures."""
    if contact.failures:
        mark, colour = "◐", WARN
    elif contact.seen_s is None:
        mark, colour = "◌", MUTED
    else:
        mark, colour = "●", GOOD
    seen = NOTHING if contact.seen_s is None else f"{age_text(contact.seen_s)} ago"
    return [
        Text.assemble((f"{mark} ", colour), (contact.name, "bold")),
        Text(contact.kind, ACCENT if contact.kind == "anchor" else MUTED),
        Text(contact.endpoint),
        Text(f"{contact.shared_bits} bits", MUTED),
        Text(rtt_text(contact.rtt_ms), "" if contact.rtt_ms is not None else FAINT),
        Text(seen, MUTED),
        Text(str(contact.failures) if contact.failures else "", WARN),
    ]


def bucket_cells(bucket: DhtBucket) -> list[Text]:
    """A bucket: its ids, how full it is, who waits, when it was looked into."""
    refreshed = NOTHING if bucket.refreshed_s is None else f"{age_text(bucket.refreshed_s)} ago"
    filled = -(-_FULL * bucket.contacts // bucket.places)
    return [
        Text(f"{bucket.prefix}…" if bucket.prefix else "all ids", "bold" if bucket.own else ""),
        Text("ours" if bucket.own else "", ACCENT),
        Text.assemble(("█" * filled, GOOD), ("░" * (_FULL - filled), FAINT)),
        Text(f"{bucket.contacts} of {bucket.places}"),
        Text(str(bucket.replacements) if bucket.replacements else "", MUTED),
        Text(refreshed, MUTED),
    ]


def search_cells(search: DhtSearch) -> list[Text]:
    """A look-up: what for, of whom, how long it took, whom it asked, when it was over."""
    mark, colour = ("●", GOOD) if search.found else ("○", WARN)
    about = f"record of {search.about}" if search.about else f"{search.key}…"
    slow = WARN if search.took_ms >= 1000 else ""
    return [
        Text.assemble((f"{mark} ", colour), _WHAT[search.kind]),
        Text(about, "" if search.about else MUTED),
        Text("found" if search.found else "nobody" if search.kind == "publish" else "not found"),
        Text(took_text(search.took_ms), slow),
        Text(f"{search.asked} asked", MUTED),
        Text(f"{search.answered} answered", MUTED),
        Text(f"{age_text(search.ago_s)} ago", MUTED),
    ]


def took_text(milliseconds: float) -> str:
    """``18 ms``, ``1.2 s``."""
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"


def value_cells(value: DhtValue) -> list[Text]:
    """A record that is held: whose, under which key, where from, its size, how long yet."""
    own = value.source == "own"
    ending = value.expires_s < 3600
    return [
        Text(value.about or "of somebody", "bold" if value.about else MUTED),
        Text(f"{value.key}…", MUTED),
        Text(_SOURCES.get(value.source, value.source), ACCENT if own else ""),
        Text(size_text(value.bytes), MUTED),
        Text(f"for {age_text(value.expires_s)} yet", BAD if ending else MUTED),
    ]


def searches_note(searches: Sequence[DhtSearch]) -> str:
    """The typical look-up: ``half within 18 ms``; nothing where there was none."""
    took = sorted(each.took_ms for each in searches)
    return f"half within {took_text(took[len(took) // 2])}" if took else ""
