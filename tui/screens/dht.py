"""The DHT as this device has it, a part at a time: neighbours, buckets, look-ups, what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from meshdht.api.dht_messages import DhtReply, DhtReport, GetDht

from ..colours import ACCENT, FAINT, MUTED
from ..dht_text import (
    bucket_cells,
    contact_cells,
    search_cells,
    searches_note,
    summary,
    value_cells,
)
from ..host import Host
from ..widgets.grid import Grid, GridColumn, Row
from ..widgets.lines import Lines
from ..widgets.notice import Notice
from .view import View

NEIGHBOURS = (
    GridColumn("name", 16, most=30),
    GridColumn("", 6),
    GridColumn("endpoint", 21, most=46),
    GridColumn("near", 8, right=True),
    GridColumn("rtt", 8, right=True),
    GridColumn("answered", 10, rank=1, right=True),
    GridColumn("missed", 6, rank=2, right=True),
)
BUCKETS = (
    GridColumn("ids that begin with", 24, most=60),
    GridColumn("", 5),
    GridColumn("", 8),
    GridColumn("contacts", 9),
    GridColumn("waiting", 7, rank=2, right=True),
    GridColumn("looked into", 13, rank=1, right=True),
)
SEARCHES = (
    GridColumn("what", 12),
    GridColumn("of", 18, most=40),
    GridColumn("", 9),
    GridColumn("took", 8, right=True),
    GridColumn("", 9, rank=2, right=True),
    GridColumn("", 12, rank=3, right=True),
    GridColumn("over", 10, rank=1, right=True),
)
HELD = (
    GridColumn("record of", 16, most=30),
    GridColumn("key", 13),
    GridColumn("from", 18, most=30),
    GridColumn("size", 7, right=True),
    GridColumn("kept", 14, rank=1, right=True),
)
PARTS: dict[str, tuple[str, Sequence[GridColumn]]] = {
    "neighbours": ("Neighbours", NEIGHBOURS),
    "buckets": ("Buckets", BUCKETS),
    "searches": ("Look-ups", SEARCHES),
    "held": ("Records held", HELD),
}
_ROWS: dict[str, Callable[[DhtReport], list[Row]]] = {
    "neighbours": lambda report: [(each.id, contact_cells(each)) for each in report.contacts],
    "buckets": lambda report: [(each.prefix, bucket_cells(each)) for each in report.buckets],
    "searches": lambda report: [
        (str(number), search_cells(each)) for number, each in enumerate(report.searches)
    ],
    "held": lambda report: [(each.key, value_cells(each)) for each in report.values],
}
_EMPTY = {
    "neighbours": "No other node has answered yet.",
    "buckets": "",
    "searches": "Nothing was looked for yet.",
    "held": "No record is held yet.",
}


class DhtScreen(View):
    """Four lists, of which one is seen."""

    TAB = "dht"
    POLL_S = 2.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "part(1)", "Next part", key_display="→"),
        Binding("left,h", "part(-1)", "Part before", key_display="←", show=False),
    ]

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._report: DhtReport | None = None
        self._part = "neighbours"

    def parts(self) -> Iterable[Widget]:
        yield Lines(id="summary")
        yield Lines(id="parts")
        for key, (_, columns) in PARTS.items():
            yield Grid(columns, id=key)
        yield Notice()

    async def load(self) -> None:
        self._report = (await self.host.ask(GetDht(), DhtReply)).report

    def draw(self, now: float) -> None:
        report, notice = self._report, self.query_one(Notice)
        rows = _ROWS[self._part](report) if report is not None else []
        for key in PARTS:
            self.query_one(f"#{key}", Grid).display = key == self._part and bool(rows)
        notice.display = not rows
        if report is None:
            if self.problem is not None:
                notice.fail(self.problem)
            return
        self.write("#summary", summary(report))
        self.write("#parts", self._titles(report))
        grid = self.query_one(f"#{self._part}", Grid)
        if rows:
            grid.show(rows)
            if self.focused is not grid:
                self.set_focus(grid)
        else:
            notice.say(_EMPTY[self._part])

    def note(self) -> Text:
        searches = self._report.searches if self._report is not None else ()
        return Text(searches_note(searches) if self._part == "searches" else "", MUTED)

    def _titles(self, report: DhtReport) -> Text:
        """The parts as places to click, each with how much there is of it."""
        counts = {
            "neighbours": len(report.contacts),
            "buckets": len(report.buckets),
            "searches": len(report.searches),
            "held": report.held,
        }
        line = Text(" ", no_wrap=True)
        for key, (title, _) in PARTS.items():
            begin = len(line)
            is_here = key == self._part
            line.append(f"{title} ", "bold" if is_here else MUTED)
            line.append(str(counts[key]), ACCENT if is_here else FAINT)
            meta = {"@click": f"screen.choose('{key}')"}
            line.stylize(Style(meta=meta, underline=is_here or None), begin, len(line))
            line.append("   ")
        return line

    def action_choose(self, part: str) -> None:
        self._part = part
        self.show()

    def action_part(self, step: int) -> None:
        keys = list(PARTS)
        self.action_choose(keys[(keys.index(self._part) + step) % len(keys)])
