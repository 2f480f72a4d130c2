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
    """A line a row, a column a kind."""
    lines = [["", *columns]]
    for row in rows:
        line = [row]
        for results in columns.values():
            value = results.get(row, NOTHING)
            line.append(value.partition(":")[0] if isinstance(value, str) else number(value))
        lines.append(line)
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    text = [
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(text)


def failures(kind: str, rounds: Sequence[Results]) -> list[str]:
    """A line for each reason of each round: the table shows a row that failed once as the median
    of the other rounds."""
    lines = []
    for number, results in enumerate(rounds, 1):
        reasons = dict.fromkeys(value for value in results.values() if isinstance(value, str))
        for reason in reasons:
            rows = [row for row, value in results.items() if value == reason]
            what = "every row" if len(rows) == len(results) else "; ".join(rows)
            lines.append(f"{kind}, round {number}, {what}: {reason}")
    return lines


def number(value: float) -> str:
    """With three figures that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
