"""The table of peers: only rows in sight are drawn, and of these only what reads differently."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from meshdht.api.messages import Peer

from ..format import Column, Order, cell, columns, row_basis
from ..ledger import Ledger
from .table import Table


class PeersTable(Table):
    """Shows a Ledger; keeps the cursor on its peer whatever is sorted above it.

    A row is a place: which peer it shows, and as of when, is settled when it comes into sight.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Open")]

    class Sorted(Message):
        """The user chose a column to sort by."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self) -> None:
        super().__init__(id="peers")
        self._ledger = Ledger()
        self._now = 0.0
        self._order = Order()
        self._columns: list[Column] = []
        self._peers: list[Peer] = []
        self._drawn: dict[int, object] = {}

    @property
    def selected_id(self) -> str | None:
        """The peer under the cursor."""
        row = self.cursor_row
        return self._peers[row].id if 0 <= row < len(self._peers) else None

    def show(self, ledger: Ledger, order: Order, peers: list[Peer], now: float) -> None:
        """Draw what differs from what is there; ``peers`` are in that order."""
        kept = self.selected_id
        self._ledger, self._now = ledger, now
        self._peers = peers
        if order != self._order:
            self._order = order
            self._make_columns()
        self._make_rows(kept)
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        fitting = columns(event.size.width - 1)
        if fitting != self._columns:
            kept = self.selected_id
            self._columns = fitting
            self._make_columns()
            self._make_rows(kept)
        self._draw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._draw()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        if event.column_key.value is not None:
            self.post_message(self.Sorted(event.column_key.value))

    def _draw(self) -> None:
        first = self.scroll_offset.y
        # A table that is yet to appear has no size: its first look is not to be an empty one.
        height = self.size.height or self.app.size.height
        beyond = first + height - self.header_height
        for row in range(first, min(beyond, self.row_count, len(self._peers))):
            peer = self._peers[row]
            basis = row_basis(peer, self._ledger, self._now)
            if self._drawn.get(row) == basis:
                continue
            self._drawn[row] = basis
            for place, column in enumerate(self._columns):
                text = cell(column, peer, self._ledger, self._now)
                at = Coordinate(row, place)
                if self.get_cell_at(at) != text:
                    self.update_cell_at(at, text)

    def _make_columns(self) -> None:
        """Begin with titles alone."""
        self._drawn.clear()
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

    def _make_rows(self, kept: str | None) -> None:
        """As many rows as peers, and the cursor on the peer ``kept`` if it is still there."""
        while self.row_count < len(self._peers):
            self.add_row(*(Text() for _ in self._columns), key=str(self.row_count))
        while self.row_count > len(self._peers):
            last = self.row_count - 1
            self._drawn.pop(last, None)
            self.remove_row(str(last))
        row = next((row for row, peer in enumerate(self._peers) if peer.id == kept), None)
        if row is not None and row != self.cursor_row:
            self.move_cursor(row=row, animate=False)
