"""What all dialogues have in common."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from meshdht_tui.app import MeshdhtApp
from meshdht_tui.dialogues.dialogue import Dialogue
from textual.widget import Widget
from textual.widgets import Static

from tests.tui.screen import screen_text, until, until_shown


class Greeting(Dialogue[str]):
    def parts(self) -> Iterable[Widget]:
        yield Static("good day")


async def test_it_is_left_by_esc_and_gives_nothing_then(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    came: list[str | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(Greeting("a greeting"), came.append)
        await until_shown(pilot, "good day")
        assert "a greeting" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: came == [None])
