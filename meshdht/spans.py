"""Spans of time in words, the same for whoever tells of one: it knows nobody, and all know it."""

from __future__ import annotations

NOTHING = "–"


def age_text(seconds: float | None) -> str:
    """``0 s``, ``59 s``, ``12 min``, ``5 h``, ``3 d``; rounded down, as a clock does."""
    if seconds is None:
        return NOTHING
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{int(max(seconds, 0) // size)} {unit}"
    return f"{int(seconds // 86400)} d"
