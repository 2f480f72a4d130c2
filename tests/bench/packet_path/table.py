"""Results and how they are printed: a value is a number, or a text that says why there is none."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

Value = float | str
Results = Mapping[str, Value]

NOTHING = "-"


def median(values: Sequence[Value]) -> Value:
    """Of the numbers; with none, the first reason; without any value, NOTHING."""
    numbers = [value for value in values if isinstance(value, float)]
    if numbers:
        return statistics.median(numbers)
    return next(iter(values), NOTHING)


def medians(rounds: Sequence[Results]) -> dict[str, Value]:
    """Row by row over all rounds of one kind."""
    rows = dict.fromkeys(row for results in rounds for row in results)
    return {row: median([results[row] for results in rounds if row in results]) for row in rows}


def ratios(of: Results, to: Results) -> dict[str, Value]:
    """Each number divided by that of the same row; no entry where either is none."""
    return {
        row: value / base
        for row, value in of.items()
        if isinstance(value, float) and isinstance(base := to.get(row), float) and base
    }


def table(rows: Sequence[str], columns: Mapping[str, Results]) -> str:
    """A line a row, a column a kind; below, the reasons of what failed."""
    failures: list[str] = []
    lines = [["", *columns]]
    for row in rows:
        line = [row]
        for kind, results in columns.items():
            value = results.get(row, NOTHING)
            if isinstance(value, str) and value != NOTHING:
                failures.append(f"{kind}, {row}: {value}")
                value = "failed"
            line.append(value if isinstance(value, str) else number(value))
        lines.append(line)
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    text = [
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([*text, *failures])


def number(value: float) -> str:
    """With three figures that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
