"""The application: one subscription to the daemon, kept alive, drawn a few times a second."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.theme import Theme

from meshdht.api.errors import ApiError
from meshdht.api.subscription import subscribe

from .ledger import Ledger
from .screens.help import HelpScreen
from .screens.peers import PeersScreen

REDRAW_S = 0.25
TICK_S = 1.0
RETRY_S = (0.2, 0.5, 1.0, 2.0)

THEME = Theme(
    name="meshdht",
    primary="#56b6c2",
    secondary="#5fd7a7",
    accent="#e5c07b",
    warning="#e5c07b",
    error="#e06c75",
    success="#5fd7a7",
    foreground="#d7dde4",
    background="#12161b",
    surface="#181d24",
    panel="#1f2630",
    dark=True,
)


class MeshdhtApp(App[int]):
    """Watches the daemon at ``socket_path`` until the user leaves."""

    CSS_PATH = "app.tcss"
    TITLE = "meshdht"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", "Quit"),
        Binding("question_mark", "help", "Help", key_display="?"),
    ]

    def __init__(self, socket_path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.ledger = Ledger()
        self._socket_path = socket_path
        self._clock = clock
        self._peers = PeersScreen(socket_path.stem)
        self._changed = True
        self._ticked_at = clock()

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = THEME.name
        self.push_screen(self._peers)
        self.set_interval(REDRAW_S, self._redraw)
        self.run_worker(self._follow(), name="subscription", exit_on_error=True)

    def action_leave(self) -> None:
        self.exit(0)

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    async def _follow(self) -> None:
        """Subscribe, and again whenever the daemon goes and comes back."""
        failures = 0
        while True:
            try:
                async with contextlib.aclosing(subscribe(self._socket_path)) as events:
                    async for event in events:
                        failures = 0
                        self.ledger.take(event, self._clock())
                        self._changed = True
            except ApiError as error:
                self.ledger.lose(error)
                self._changed = True
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    def _redraw(self) -> None:
        now = self._clock()
        if now - self._ticked_at >= TICK_S:
            self._ticked_at = now
            self.ledger.tick(now)
            self._changed = True
        if self._changed:
            self._changed = False
            self._peers.show(self.ledger, now)


def run(socket_path: Path) -> int:
    """Open the live view of the daemon at ``socket_path``; returns the exit code."""
    return MeshdhtApp(socket_path).run() or 0
