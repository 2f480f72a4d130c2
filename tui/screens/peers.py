"""The first screen: every peer in a table, the one under the cursor in full."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Footer, Static

from meshdht.api.messages import Peer
from meshdht.api.text import ipv4_first

from ..format import Order, card, header
from ..ledger import Ledger
from ..widgets.notice import Notice
from ..widgets.peers_table import PeersTable

SORTS = ("name", "path", "handshake", "rtt", "received", "sent")
# Below this height the table needs every line.
CARD_FROM_HEIGHT = 16


class PeersScreen(Screen[None]):
    """Shows the ledger that it is given, whenever it is given."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort"),
        Binding("r", "reverse", "Reverse"),
        Binding("c", "copy", "Copy address"),
    ]

    def __init__(self, network: str) -> None:
        super().__init__()
        self._network = network
        self._ledger = Ledger()
        self._now = 0.0
        self._order = Order()

    def compose(self) -> ComposeResult:
        yield Static(id="header")
        with Vertical(id="body"):
            yield PeersTable()
            yield Static(id="card")
        yield Notice()
        yield Footer()

    def show(self, ledger: Ledger, now: float) -> None:
        """Draw the ledger as it is at ``now``."""
        self._ledger, self._now = ledger, now
        try:
            self._draw(ledger, now)
        except NoMatches:
            pass  # the screen is being built, or taken down

    def _draw(self, ledger: Ledger, now: float) -> None:
        self._write("#header", header(ledger, self._network, self.size.width, now))
        table = self.query_one(PeersTable)
        table.show(ledger, self._order, now)
        empty = not ledger.peers
        self.query_one("#body").display = not empty
        if self.focused is None and not empty:
            self.set_focus(table)  # it lost the keys when it was hidden
        self.query_one("#body").set_class(ledger.problem is not None, "stale")
        notice = self.query_one(Notice)
        notice.display = empty
        if empty:
            notice.explain(ledger, self._network)
        self._show_card()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < CARD_FROM_HEIGHT, "low")
        self.show(self._ledger, self._now)

    def on_peers_table_sorted(self, message: PeersTable.Sorted) -> None:
        again = message.key == self._order.key
        self._sort_by(Order(message.key, not self._order.reverse if again else False))

    def on_data_table_row_highlighted(self) -> None:
        self._show_card()

    def action_sort(self) -> None:
        keys = [*SORTS, self._order.key]
        self._sort_by(Order(SORTS[(keys.index(self._order.key) + 1) % len(SORTS)]))

    def action_reverse(self) -> None:
        self._sort_by(Order(self._order.key, not self._order.reverse))

    def action_copy(self) -> None:
        peer = self._selected()
        if peer is not None and peer.addresses:
            address = ipv4_first(peer.addresses)
            self.app.copy_to_clipboard(address)
            self.notify(f"{address} copied")

    def _sort_by(self, order: Order) -> None:
        self._order = order
        self.show(self._ledger, self._now)

    def _selected(self) -> Peer | None:
        id = self.query_one(PeersTable).selected_id
        return next((peer for peer in self._ledger.peers if peer.id == id), None)

    def _show_card(self) -> None:
        peer = self._selected()
        if peer is not None:
            self.query_one("#card").border_title = peer.name
            self._write("#card", card(peer, self._ledger, self.size.width - 4, self._now))

    def _write(self, place: str, text: Text) -> None:
        """Into a box of fixed size, so that nothing has to be laid out again."""
        box = self.query_one(place, Static)
        if box.content != text:
            box.update(text, layout=False)
