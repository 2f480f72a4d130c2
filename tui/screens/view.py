"""What all screens have in common: the two lines at the top, the body, the keys at the bottom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer

from meshdht.api.errors import ApiError

from ..header import header, tabs
from ..host import Host
from ..widgets.filter_line import FilterLine
from ..widgets.lines import Lines

TABS: tuple[tuple[str, str], ...] = (
    ("peers", "Peers"),
    ("graph", "Graph"),
    ("dht", "DHT"),
    ("members", "Members"),
    ("invites", "Invites"),
    ("log", "Log"),
    ("doctor", "Doctor"),
)
# Below this height every line is needed for the list.
LOW = 16
# From this height on there is room for larger charts.
TALL = 36


class View(Screen[None]):
    """A screen of the live view. ``TAB`` is where it stands among the others; one with a
    ``POLL_S`` asks the daemon for more than the ledger has, while it is seen."""

    TAB: ClassVar[str]
    POLL_S: ClassVar[float | None] = None

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.host = host
        self.problem: ApiError | None = None

    def compose(self) -> ComposeResult:
        yield Lines(id="header")
        yield Lines(id="tabs")
        with Vertical(id="body"):
            yield from self.parts()
        yield Footer()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a search line its own key is a letter like others."""
        return action != "search" or not isinstance(self.focused, FilterLine)

    def parts(self) -> Iterable[Widget]:
        """The body's."""
        raise NotImplementedError

    def draw(self, now: float) -> None:
        """Bring the body up to date."""
        raise NotImplementedError

    def note(self) -> Text:
        """What stands at the right of the second line."""
        return Text()

    async def load(self) -> None:
        """Ask the daemon for what the ledger does not have; raises ApiError."""

    def show(self) -> None:
        """Draw everything as it is now."""
        now = self.host.now()
        try:
            width = self.size.width
            self.write("#header", header(self.host.ledger, self.host.network, width, now))
            self.write("#tabs", tabs(TABS, self.TAB, width, self.note()))
            self.query_one("#body").set_class(self.host.ledger.problem is not None, "stale")
            self.draw(now)
        except NoMatches:
            pass  # the screen is being built, or taken down

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < LOW, "low")
        self.set_class(event.size.height >= TALL, "tall")
        self.show()
        self.call_after_refresh(self.show)  # what is in boxes has to know how large they are now

    def on_screen_resume(self) -> None:
        self.show()
        self.call_after_refresh(self.show)
        if self.POLL_S is not None:
            self.run_worker(self._poll(self.POLL_S), group="poll", exclusive=True)

    def on_screen_suspend(self) -> None:
        self.workers.cancel_group(self, "poll")

    async def _poll(self, pause_s: float) -> None:
        while True:
            await self.reload()
            await asyncio.sleep(pause_s)

    async def reload(self) -> None:
        """Ask the daemon now, and draw what it says."""
        try:
            await self.load()
            self.problem = None
        except ApiError as error:
            self.problem = error
        self.show()

    def act(self, doing: Callable[[], Coroutine[None, None, str]]) -> None:
        """Do something that the user asked for, and say what came of it."""

        async def done() -> None:
            try:
                said = await doing()
            except ApiError as error:
                text = f"{error.message}\n{error.hint}" if error.hint else error.message
                self.notify(text, severity="error", markup=False, timeout=8)
            else:
                if said:
                    self.notify(said, markup=False)
            if self.POLL_S is not None:
                await self.reload()

        self.run_worker(done(), group="act")

    def copy(self, text: str, what: str) -> None:
        """To the clipboard of the terminal, by OSC 52: over ssh as well."""
        self.app.copy_to_clipboard(text)
        self.notify(f"{what} copied", markup=False)

    def write(self, place: str, text: Text) -> None:
        """Into a box of fixed size, so that nothing has to be laid out again."""
        self.query_one(place, Lines).show(text)
