"""The first screen: every peer in a table, the one under the cursor in full."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import DataTable, Input

from meshdht.api.messages import Peer
from meshdht.api.text import ipv4_first

from ..card import card
from ..colours import WARN
from ..format import STATES, Filter, Order, matching, ordered
from ..host import Host
from ..widgets.filter_line import FilterLine, search_key
from ..widgets.lines import Lines
from ..widgets.notice import Notice
from ..widgets.peers_table import PeersTable
from .view import View

SORTS = ("name", "path", "rtt", "loss", "received", "sent", "handshake")


class PeersScreen(View):
    """Shows the ledger, whenever it is told that there is something to show."""

    TAB = "peers"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="one peer in full"),
        search_key("name, address, path, tag"),
        Binding("f", "filter", "Filter", tooltip="all, online, relayed, offline"),
        Binding("s", "sort", "Sort", tooltip="by the next column; or click its title"),
        Binding("r", "reverse", "Reverse", show=False, tooltip="the other way round"),
        Binding("c", "copy", "Copy address", tooltip="copy the peer's address"),
        Binding("escape", "clear", "Show all", show=False, key_display="esc", tooltip="show all"),
    ]

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._order = Order()
        self._filter = Filter()

    def parts(self) -> Iterable[Widget]:
        with Vertical(id="list"):
            yield PeersTable()
            yield Lines(id="card")
        yield FilterLine("name, address, path or tag")
        yield Notice()

    def draw(self, now: float) -> None:
        ledger = self.host.ledger
        table = self.query_one(PeersTable)
        found = matching(ledger.peers, self._filter)
        table.show(ledger, self._order, ordered(ledger, self._order, now, found), now)
        empty = not found
        self.query_one("#list").display = not empty
        if self.focused is None and not empty:
            self.set_focus(table)  # it lost the keys when it was hidden
        notice = self.query_one(Notice)
        notice.display = empty
        if empty and ledger.peers:
            notice.say(f"No peer is {self._filter}.", "esc shows all")
        elif empty:
            notice.explain(ledger, self.host.network)
        self._show_card(now)

    def note(self) -> Text:
        if not self._filter.is_on:
            return Text()
        found = len(matching(self.host.ledger.peers, self._filter))
        return Text(f"{self._filter}: {found} of {len(self.host.ledger.peers)}", WARN)

    def on_peers_table_sorted(self, message: PeersTable.Sorted) -> None:
        again = message.key == self._order.key
        self._sort_by(Order(message.key, not self._order.reverse if again else False))

    def on_data_table_row_highlighted(self) -> None:
        self._show_card(self.host.now())

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter = Filter(event.value.strip(), self._filter.state)
        self.show()

    def on_filter_line_left(self) -> None:
        self.set_focus(self.query_one(PeersTable))

    def action_open(self) -> None:
        peer = self._selected()
        if peer is not None:
            from .peer import PeerScreen

            self.app.push_screen(PeerScreen(self.host, peer.id))

    def action_search(self) -> None:
        self.query_one(FilterLine).open()

    def action_filter(self) -> None:
        states = list(STATES)
        state = states[(states.index(self._filter.state) + 1) % len(states)]
        self._filter = Filter(self._filter.text, state)
        self.show()

    def action_clear(self) -> None:
        self._filter = Filter()
        self.query_one(FilterLine).clear()
        self.show()

    def action_sort(self) -> None:
        keys = [*SORTS, self._order.key]
        self._sort_by(Order(SORTS[(keys.index(self._order.key) + 1) % len(SORTS)]))

    def action_reverse(self) -> None:
        self._sort_by(Order(self._order.key, not self._order.reverse))

    def action_copy(self) -> None:
        peer = self._selected()
        if peer is not None and peer.addresses:
            address = ipv4_first(peer.addresses)
            self.copy(address, address)

    def _sort_by(self, order: Order) -> None:
        self._order = order
        self.show()

    def _selected(self) -> Peer | None:
        return self.host.ledger.peer(self.query_one(PeersTable).selected_id)

    def _show_card(self, now: float) -> None:
        peer = self._selected()
        if peer is not None:
            self.query_one("#card", Lines).entitle(peer.name)
            self.write("#card", card(peer, self.host.ledger, self.size.width - 4, now))
