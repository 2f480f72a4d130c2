"""Prints samples: rows are who was started cold and sent, columns whom it reached. Pure."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.nat_matrix.expectations import Place, expectation
from tests.nat_matrix.rounds import Sample

FIRST_BYTE_MAX_S = 1.0
DIRECT_MAX_S = 2.0
DIRECT = ("direct", "lan")
LETTERS = {"direct": "D", "lan": "L", "relay": "R", "none": "-"}
SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """All samples of one pair in one direction."""

    samples: tuple[Sample, ...]

    @property
    def connected(self) -> int:
        return sum(each.first_byte_s is not None for each in self.samples)

    @property
    def direct(self) -> int:
        return sum(each.path in DIRECT for each in self.samples)

    @property
    def kinds(self) -> str:
        """A letter for each kind of path that came up."""
        reached = (each.path if each.first_byte_s is not None else "none" for each in self.samples)
        return "".join(sorted({LETTERS[kind] for kind in reached}))

    @property
    def first_bytes(self) -> list[float]:
        return [each.first_byte_s for each in self.samples if each.first_byte_s is not None]

    @property
    def directs(self) -> list[float]:
        return [each.direct_s for each in self.samples if each.direct_s is not None]


Cells = Mapping[tuple[str, str], Cell]


def cells_of(samples: Iterable[Sample]) -> Cells:
    by_pair: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        by_pair[sample.source, sample.target].append(sample)
    return {pair: Cell(tuple(all_of)) for pair, all_of in by_pair.items()}


def report(samples: Sequence[Sample], places: Mapping[str, Place]) -> str:
    """All tables, then what was expected and what fell short of it."""
    cells = cells_of(samples)
    names = [name for name in places if any(name in pair for pair in cells)]
    parts = [
        grid(
            "Path that came up: D direct, L on the LAN, R by a relay, - none; "
            "with the share of runs in % that connected, where it is not 100",
            names,
            cells,
            lambda cell: cell.kinds + _share(cell),
        ),
        grid("First byte after s: median/worst", names, cells, lambda cell: span(cell.first_bytes)),
        grid("Direct after s: median/worst", names, cells, lambda cell: span(cell.directs)),
        "\n".join(summary(cells, places)),
    ]
    return "\n\n".join(parts) + "\n"


def grid(title: str, names: Sequence[str], cells: Cells, text: Callable[[Cell], str]) -> str:
    numbers = {name: f"{number}" for number, name in enumerate(names, 1)}
    rows = [["from", *numbers.values()]]
    for source in names:
        row = [f"{numbers[source]:>2} {source}"]
        for target in names:
            cell = cells.get((source, target))
            row.append("" if cell is None else text(cell))
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(f"{word:{width}}" for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([title, "", *lines])


def span(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f}/{max(seconds):.2f}" if seconds else ""


def _share(cell: Cell) -> str:
    share = cell.connected / len(cell.samples)
    return "" if share == 1 else f" {100 * share:.0f}"


def summary(cells: Cells, places: Mapping[str, Place]) -> list[str]:
    """What holds of all pairs together, and which pairs fall short, the worst of all first."""
    expected = {pair: expectation(places[pair[0]], places[pair[1]]) for pair in cells}
    must = [cell for pair, cell in cells.items() if expected[pair].direct]
    may_not = [cell for pair, cell in cells.items() if not expected[pair].direct]
    every = [*must, *may_not]
    lines = [
        f"pairs, both directions: {len(cells)}; connected in {sum(c.connected for c in every)} of "
        f"{_runs(every)} runs",
        *_of("first byte, where a relay may stay", (s for c in may_not for s in c.first_bytes)),
        *_of("first byte, where it must be direct", (s for c in must for s in c.first_bytes)),
        *_of("direct, where it must be", (s for c in must for s in c.directs)),
        f"direct at the end, where it must be: {sum(c.direct for c in must)} of {_runs(must)} runs",
    ]
    lines += ["", "Why a path must be direct, or may stay on a relay; runs that were direct:"]
    whys: dict[tuple[bool, str], list[Cell]] = defaultdict(list)
    for pair, cell in cells.items():
        whys[expected[pair].direct, expected[pair].why].append(cell)
    for (direct, why), of_it in sorted(whys.items(), reverse=True):
        word, direct_runs = "direct" if direct else "relay ", sum(cell.direct for cell in of_it)
        lines.append(f"  {word}  {why}: {direct_runs} of {_runs(of_it)}")
    return [*lines, "", *_shortcomings(cells, places)]


def _runs(cells: Iterable[Cell]) -> int:
    return sum(len(cell.samples) for cell in cells)


def _of(what: str, all_of: Iterable[float]) -> list[str]:
    seconds = sorted(all_of)
    if not seconds:
        return []
    late = seconds[int(0.95 * (len(seconds) - 1))]
    median = statistics.median(seconds)
    return [f"{what}: median {median:.2f} s, 95 % within {late:.2f} s, worst {seconds[-1]:.2f} s"]


def _shortcomings(cells: Cells, places: Mapping[str, Place]) -> list[str]:
    found: list[tuple[int, str]] = []
    for (source, target), cell in cells.items():
        runs, must = len(cell.samples), expectation(places[source], places[target])
        name = f"{source} to {target}"
        if cell.connected < runs:
            found.append((0, f"{name}: connected in {cell.connected} of {runs} runs"))
        elif must.direct and cell.direct < runs:
            found.append((1, f"{name}: direct in {cell.direct} of {runs} runs ({must.why})"))
        elif must.direct and max(cell.directs) > DIRECT_MAX_S:
            found.append((2, f"{name}: direct after up to {max(cell.directs):.2f} s"))
        if cell.first_bytes and max(cell.first_bytes) > _first_byte_max_s(must.direct):
            found.append((3, f"{name}: first byte after up to {max(cell.first_bytes):.2f} s"))
    lines = [line for _, line in sorted(found)]
    if not lines:
        return ["Nothing fell short of what was expected."]
    more = [f"and {len(lines) - SHOWN_MAX} more"] if len(lines) > SHOWN_MAX else []
    limits = f"first byte {FIRST_BYTE_MAX_S:g} s over a relay, {DIRECT_MAX_S:g} s to direct"
    return [f"What fell short of what was expected ({limits}):"] + [
        f"  {line}" for line in [*lines[:SHOWN_MAX], *more]
    ]


def _first_byte_max_s(direct: bool) -> float:
    return DIRECT_MAX_S if direct else FIRST_BYTE_MAX_S


def all_connected(samples: Iterable[Sample]) -> bool:
    return all(sample.first_byte_s is not None for sample in samples)
