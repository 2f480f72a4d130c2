"""The application: one subscription to the daemon, kept alive, drawn when there is news of it, and
once a second."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from meshdht.api.errors import ApiError
from meshdht.api.recent_messages import GetRecent, RecentReply
from meshdht.api.subscription import subscribe

from .colours import DARK, LIGHT, chosen_theme, text_colours
from .host import Host
from .ledger import Ledger
from .screens.peers import PeersScreen
from .screens.view import TABS, View

# News that come within so long are drawn at once.
SETTLE_S = 0.15
TICK_S = 1.0
# The daemon tells each second what has changed: the second passes when that was heard, so that it
# is not drawn twice. Where nothing was, it passes so much later.
GRACE_S = 0.25
RETRY_S = (0.2, 0.5, 1.0, 2.0)


class MeshdhtApp(App[int]):
    """Watches the daemon at ``socket_path`` until the user leaves."""

    CSS_PATH = "app.tcss"
    TITLE = "meshdht"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"go('{key}')", title, show=False)
            for number, (key, title) in enumerate(TABS, 1)
        ),
        Binding("tab", "beside(1)", "Next screen", show=False, priority=True),
        Binding("shift+tab", "beside(-1)", "Screen before", show=False, priority=True),
        Binding("L", "light_or_dark", "Light or dark", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "leave", "Quit"),
    ]

    def __init__(self, socket_path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.host = Host(socket_path, clock)
        self._clock = clock
        self._news = asyncio.Event()
        self.console.push_theme(text_colours(DARK))

    @property
    def ledger(self) -> Ledger:
        return self.host.ledger

    def on_mount(self) -> None:
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = chosen_theme() if chosen_theme() in self.available_themes else DARK.name
        self.install_screen(PeersScreen(self.host), "peers")
        self.push_screen("peers")
        self.run_worker(self._draw(), name="drawing", exit_on_error=True)
        self.run_worker(self._follow(), name="subscription", exit_on_error=True)

    def _watch_theme(self, theme_name: str) -> None:
        self.console.pop_theme()
        self.console.push_theme(text_colours(self.current_theme))
        super()._watch_theme(theme_name)
        self.touch()

    def action_leave(self) -> None:
        self.exit(0)

    def action_help(self) -> None:
        from .screens.help import HelpScreen

        if self.view is not None:
            self.push_screen(HelpScreen(self.view))

    def action_light_or_dark(self) -> None:
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name

    async def action_go(self, key: str) -> None:
        """To one of the screens that have a number; it is built when it is first looked at."""
        if not self.is_screen_installed(key):
            module = importlib.import_module(f"meshdht_tui.screens.{key}")
            kind: type[View] = getattr(module, f"{key.title()}Screen")
            self.install_screen(kind(self.host), key)
        while len(self.screen_stack) > 2:
            await self.pop_screen()
        if self.screen is not self.get_screen(key):
            await self.switch_screen(key)

    async def action_beside(self, step: int) -> None:
        """To the screen beside this one."""
        if isinstance(self.screen, View):
            keys = [key for key, _ in TABS]
            await self.action_go(keys[(keys.index(self.screen.TAB) + step) % len(keys)])
        elif step > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers: the screens, what this one can do, how it looks."""
        for key, title in TABS:
            yield SystemCommand(
                f"Go to {title}", "", lambda key=key: self.run_action(f"go('{key}')")
            )
        for active in screen.active_bindings.values():
            binding = active.binding
            if active.node is screen and binding.description:
                yield SystemCommand(
                    binding.description,
                    f"key {binding.key_display or binding.key}",
                    lambda action=binding.action: self.run_action(action, screen),
                )
        yield SystemCommand("Light or dark", "key L", self.action_light_or_dark)
        yield SystemCommand("Theme", "Choose among all", self.action_change_theme)
        yield SystemCommand("Help", "The keys, and what the marks mean", self.action_help)
        yield SystemCommand("Quit", "The network stays up", self.action_leave)

    async def _follow(self) -> None:
        """Subscribe, and again whenever the daemon goes and comes back."""
        failures = 0
        while True:
            try:
                async with contextlib.aclosing(subscribe(self.host.socket_path)) as events:
                    async for event in events:
                        failures = 0
                        is_first = self.ledger.status is None
                        self.ledger.take(event, self._clock())
                        if is_first:
                            self.run_worker(self._recall(), name="past", exit_on_error=True)
                        self.touch()
            except ApiError as error:
                self.ledger.lose(error)
                self.touch()
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    async def _recall(self) -> None:
        """Have the charts begin before this view does; a daemon that remembers nothing, or is gone
        again, has them begin now."""
        with contextlib.suppress(ApiError):
            self.ledger.recall((await self.host.ask(GetRecent(), RecentReply)).recent)
            self.touch()

    @property
    def view(self) -> View | None:
        """The screen in use, be it below a dialogue; None while one takes another's place."""
        views = (each for each in reversed(self.screen_stack) if isinstance(each, View))
        return next(views, None)

    def touch(self) -> None:
        """There is news to draw."""
        self._news.set()

    async def _draw(self) -> None:
        """Draw what is known whenever there is news, and each second, for ages grow."""
        ticked, pause = self._clock(), TICK_S
        while True:
            told = await self._told_within(ticked + pause - self._clock())
            if told:
                await asyncio.sleep(SETTLE_S)
                self._news.clear()
            now = self._clock()
            if now - ticked >= TICK_S - GRACE_S:
                self.ledger.tick(now)
                ticked, pause = now, TICK_S + GRACE_S if told else TICK_S
            if self.view is not None:
                self.view.show()

    async def _told_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                return await self._news.wait()
        except TimeoutError:
            return False


def run(socket_path: Path) -> int:
    """Open the live view of the daemon at ``socket_path``; returns the exit code."""
    return MeshdhtApp(socket_path).run() or 0
