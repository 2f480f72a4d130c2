"""Aligned text tables, and the figures that go into them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

Cell = str | int | float


def render(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Columns padded to their widest cell: text to the left, numbers to the right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *texts, strict=True)]
    numeric = [
        all(not isinstance(cell, str) or cell == "-" for cell in column)
        for column in zip(*rows, strict=True)
    ] or [False] * len(head)
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in [list(head), ["-" * width for width in widths], *texts]
    ]
    return "\n".join(lines)


def _text(cell: Cell) -> str:
    if isinstance(cell, float) and isnan(cell):
        return "-"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 10 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all are not above; NaN of none."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.4g} %" if whole else "-"
