"""The table of peers: redrawn cell by cell, so that a quiet network costs nothing."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from ..format import Column, Order, cell, columns, ordered
from ..ledger import Ledger


class PeersTable(DataTable[Text]):
    """Shows a Ledger; keeps the cursor on its peer whatever is sorted above it."""

    class Sorted(Message):
        """The user chose a column to sort by."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Widened(Message):
        """The table has another width, and other columns."""

    def __init__(self) -> None:
        super().__init__(cursor_type="row", zebra_stripes=True, cell_padding=1, id="peers")
        self._columns: list[Column] = []
        self._order = Order()
        self._shown: dict[str, list[Text]] = {}
        self._kept_id: str | None = None

    @property
    def selected_id(self) -> str | None:
        """The peer under the cursor."""
        ids = list(self._shown)
        return ids[self.cursor_row] if 0 <= self.cursor_row < len(ids) else None

    def on_resize(self, event: events.Resize) -> None:
        fitting = columns(event.size.width - 1)
        if fitting != self._columns:
            self._columns = fitting
            self._rebuild_columns()
            self.post_message(self.Widened())

    def show(self, ledger: Ledger, order: Order, now: float) -> None:
        """Draw what differs from what is there."""
        if order != self._order:
            self._order = order
            self._rebuild_columns()
        rows = {
            peer.id: [cell(column, peer, ledger, now) for column in self._columns]
            for peer in ordered(ledger, order, now)
        }
        if list(rows) != list(self._shown):
            self._rebuild_rows(rows)
            return
        for number, (id, cells) in enumerate(rows.items()):
            for place, (old, new) in enumerate(zip(self._shown[id], cells, strict=True)):
                if old != new:
                    self.update_cell_at(Coordinate(number, place), new)
        self._shown = rows

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        if event.column_key.value is not None:
            self.post_message(self.Sorted(event.column_key.value))

    def _rebuild_columns(self) -> None:
        self._kept_id = self.selected_id or self._kept_id
        shown, self._shown = self._shown, {}
        self.clear(columns=True)
        for column in self._columns:
            arrow = ""
            if column.key == self._order.key:
                arrow = "▴" if self._order.reverse else "▾"
            title = Text(
                f"{arrow}{column.title}" if column.right else f"{column.title}{arrow}",
                justify="right" if column.right else "left",
            )
            self.add_column(title, width=column.width, key=column.key)
        if shown and len(next(iter(shown.values()))) == len(self._columns):
            self._rebuild_rows(shown)

    def _rebuild_rows(self, rows: dict[str, list[Text]]) -> None:
        kept = self.selected_id or self._kept_id
        self.clear()
        for id, cells in rows.items():
            self.add_row(*cells, key=id)
        self._shown = rows
        if kept in rows:
            self.move_cursor(row=list(rows).index(kept), animate=False)
