"""What happened, as rows: from the daemon's memory and from the membership log, by time. Pure, and
free of Textual."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from meshdht.api.history_messages import Happening
from meshdht.api.log_messages import LogEntry
from meshdht.api.text import moment_text

from .colours import ACCENT, BAD, GOOD, MUTED, WARN

KINDS = ("all", "paths", "members", "log")
"""What one may look at alone: paths that changed, members that came and went, the signed log."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened; ``kind`` is one of ``KINDS`` but the first."""

    key: str
    when: float
    kind: str
    about: str
    text: str
    colour: str = ""
    mark: str = "●"


def of_happening(happening: Happening) -> Line:
    """What the daemon has seen."""
    kind = "paths" if happening.kind == "path" else "members"
    text, mark, colour = happening.text, "●", GOOD
    if happening.kind != "path":
        mark, colour = "◆", ACCENT
    elif text.startswith("lost"):
        mark, colour = "○", BAD
    elif text.startswith("by relay"):
        mark, colour = "◐", WARN
    key = f"seen {happening.sequence} {happening.when}"
    return Line(key, happening.when, kind, happening.about, text, colour, mark)


def of_entry(entry: LogEntry) -> Line:
    """A statement of the membership log."""
    text = f"{entry.what}, in vain: {entry.reason}" if entry.reason else entry.what
    colour, mark = (BAD, "✕") if entry.reason else (ACCENT, "✎")
    return Line(f"log {entry.id}", entry.when, "log", entry.who, text, colour, mark)


def latest_first(lines: Iterable[Line], kind: str, text: str) -> list[Line]:
    """Those of a kind with all the words of a text, the latest first."""
    words = text.lower().split()
    shown = [
        line
        for line in lines
        if kind in ("all", line.kind)
        and all(word in f"{line.about} {line.text}".lower() for word in words)
    ]
    return sorted(shown, key=lambda line: line.when, reverse=True)


def cells(line: Line, now_unix: float) -> list[Text]:
    """One line: when, who, what."""
    return [
        Text(when_text(line.when, now_unix), MUTED),
        Text.assemble((f"{line.mark} ", line.colour), (line.about or "this device", "bold")),
        Text(line.text, line.colour if line.mark in "○✕" else ""),
    ]


def when_text(when: float, now_unix: float) -> str:
    """The time of today with seconds, another day with its date; as far as a calendar goes."""
    try:
        local, today = time.localtime(when), time.localtime(now_unix)
    except (OverflowError, ValueError, OSError):
        return moment_text(when)
    if local[:3] == today[:3]:
        return time.strftime("%H:%M:%S", local)
    return moment_text(when)
