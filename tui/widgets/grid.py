"""A table whose columns fit the width and of which only what changed is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.text import Text
from textual import events
from textual.coordinate import Coordinate

from .table import Table

_PADDING = 2


@dataclass(frozen=True, slots=True)
class GridColumn:
    """``rank`` 0 is always there; the others come in their order while there is room. What room
    is left goes to those that grow, up to ``most``, the last first: words come after names."""

    title: str
    width: int
    rank: int = 0
    right: bool = False
    most: int = 0


Row = tuple[str, Sequence[Text]]
"""A key that no other row has, and a cell for each of all columns, shown or not."""


def fit(columns: Sequence[GridColumn], width: int) -> dict[int, GridColumn]:
    """The columns that fit, by their places among all, in order."""
    chosen = {n: each for n, each in enumerate(columns) if not each.rank}
    spare = width - sum(each.width + _PADDING for each in chosen.values())
    for number, column in sorted(enumerate(columns), key=lambda item: item[1].rank):
        if column.rank and spare >= column.width + _PADDING:
            chosen[number] = column
            spare -= column.width + _PADDING
    for number, column in sorted(chosen.items(), reverse=True):
        if column.most > column.width and spare > 0:
            grown = min(column.most, column.width + spare)
            spare -= grown - column.width
            chosen[number] = replace(column, width=grown)
    return dict(sorted(chosen.items()))


class Grid(Table):
    """Shows rows; keeps the cursor on its row whatever comes and goes above it."""

    def __init__(self, columns: Sequence[GridColumn], *, id: str) -> None:
        super().__init__(id=id)
        self._all = columns
        self._fitting: dict[int, GridColumn] = {}
        self._rows: Sequence[Row] = ()

    @property
    def selected_key(self) -> str | None:
        """The key of the row under the cursor."""
        place = self.cursor_row
        return self._rows[place][0] if 0 <= place < len(self._rows) else None

    def show(self, rows: Sequence[Row]) -> None:
        """Draw what differs from what is there."""
        if not self._fitting:
            self._rows = rows  # drawn once there is a width
            return
        kept = self.selected_key
        same = [key for key, _ in rows] == [key for key, _ in self._rows]
        self._rows = rows
        if not same or self.row_count != len(rows):
            self._rebuild(kept)
            return
        for place, (_, cells) in enumerate(rows):
            for column, number in enumerate(self._fitting):
                text = self._cut(cells[number], self._fitting[number])
                at = Coordinate(place, column)
                if self.get_cell_at(at) != text:
                    self.update_cell_at(at, text)

    def on_resize(self, event: events.Resize) -> None:
        fitting = fit(self._all, event.size.width - 1)
        if fitting != self._fitting:
            kept = self.selected_key
            self._fitting = fitting
            self.clear(columns=True)
            for number, column in fitting.items():
                title = Text(column.title, justify="right" if column.right else "left")
                self.add_column(title, width=column.width, key=str(number))
            self._rebuild(kept)

    def _rebuild(self, kept: str | None) -> None:
        scrolled = self.scroll_y
        self.clear()
        for key, cells in self._rows:
            shown = [self._cut(cells[number], each) for number, each in self._fitting.items()]
            self.add_row(*shown, key=key)
        place = next((n for n, (key, _) in enumerate(self._rows) if key == kept), None)
        if place is not None:
            self.move_cursor(row=place, animate=False, scroll=False)
            self.scroll_to(y=scrolled, animate=False, force=True)

    @staticmethod
    def _cut(cell: Text, column: GridColumn) -> Text:
        text = cell.copy()
        text.truncate(column.width, overflow="ellipsis")
        text.justify = "right" if column.right else "left"
        return text
