"""What happened: paths that came and went, members, and what admins did."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from meshdht.api.history_messages import GetHistory, Happening, HistoryReply
from meshdht.api.log_messages import GetLog, LogEntry, LogReply

from ..colours import WARN
from ..host import Host
from ..log_text import KINDS, cells, latest_first, of_entry, of_happening
from ..widgets.filter_line import FilterLine, search_key
from ..widgets.grid import Grid, GridColumn
from ..widgets.notice import Notice
from .view import View

COLUMNS = (
    GridColumn("when", 16),
    GridColumn("who", 18, most=30),
    GridColumn("what", 36, most=200),
)
SHOWN_MAX = 1000
# The signed log grows seldom, and the daemon goes through all of it to tell of it.
LOG_PAUSE_S = 10.0


class LogScreen(View):
    """The latest first."""

    TAB = "log"
    POLL_S = 1.0
    BINDINGS: ClassVar[list[BindingType]] = [
        search_key("names and words"),
        Binding("f", "filter", "Filter", tooltip="all, paths, members, the signed log"),
        Binding("escape", "clear", "Show all", show=False, key_display="esc"),
    ]

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._seen: deque[Happening] = deque(maxlen=SHOWN_MAX)
        self._entries: tuple[LogEntry, ...] = ()
        self._log_due = -math.inf
        self._connection = -1
        self._kind = "all"
        self._text = ""

    def parts(self) -> Iterable[Widget]:
        yield Grid(COLUMNS, id="lines")
        yield FilterLine("names and words")
        yield Notice()

    async def load(self) -> None:
        """Only what is not there yet; all of it from a daemon that has started anew."""
        after = self._seen[-1].sequence if self._seen else 0
        history = (await self.host.ask(GetHistory(after=after), HistoryReply)).history
        if self.host.ledger.connections != self._connection:
            self._connection = self.host.ledger.connections
            self._seen.clear()
            self._log_due = -math.inf
            history = (await self.host.ask(GetHistory(), HistoryReply)).history
        self._seen.extend(history.happenings)
        now = self.host.now()
        if now >= self._log_due:
            self._log_due = now + LOG_PAUSE_S
            log = (await self.host.ask(GetLog(count=SHOWN_MAX), LogReply)).log
            self._entries = log.entries

    def draw(self, now: float) -> None:
        lines = [*map(of_happening, self._seen), *map(of_entry, self._entries)]
        shown = latest_first(lines, self._kind, self._text)[:SHOWN_MAX]
        grid, notice = self.query_one(Grid), self.query_one(Notice)
        grid.display, notice.display = bool(shown), not shown
        if not shown and self.problem is not None:
            notice.fail(self.problem)
        elif not shown and lines:
            notice.say("Nothing like that happened.", "esc shows all")
        unix = time.time()
        grid.show([(line.key, cells(line, unix)) for line in shown])
        if self.focused is None and shown:
            self.set_focus(grid)

    def note(self) -> Text:
        said = [self._kind] if self._kind != "all" else []
        return Text(" ".join([*said, f"“{self._text}”"] if self._text else said), WARN)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._text = event.value.strip()
        self.show()

    def on_filter_line_left(self) -> None:
        self.set_focus(self.query_one(Grid))

    def action_search(self) -> None:
        self.query_one(FilterLine).open()

    def action_filter(self) -> None:
        self._kind = KINDS[(KINDS.index(self._kind) + 1) % len(KINDS)]
        self.show()

    def action_clear(self) -> None:
        self._kind = "all"
        self.query_one(FilterLine).clear()
        self.show()
