"""A line to type, and the word that confirms."""

from __future__ import annotations

from pathlib import Path

from meshdht_tui.app import MeshdhtApp
from meshdht_tui.dialogues.question import Confirmation, Question

from tests.tui.screen import screen_text, until, until_shown


async def test_a_question_begins_with_what_is_so_and_gives_what_is_typed(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    came: list[str | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(Question("rename attic", "Its name.", "attic"), came.append)
        await until_shown(pilot, "Its name.")
        assert "rename attic" in screen_text(app)
        await pilot.press("end", "2", "enter")
        await until(pilot, lambda: came == ["attic2"])


async def test_nothing_but_the_word_confirms(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    came: list[bool | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(Confirmation("revoke pi", "It is put out.", "pi"), came.append)
        await until_shown(pilot, "Type pi and enter")
        await pilot.press("enter")
        await until_shown(pilot, "that is not pi")
        await pilot.press("p")
        await until(pilot, lambda: "that is not pi" not in screen_text(app))
        await pilot.press("o", "enter")
        await until_shown(pilot, "that is not pi")
        assert came == []
        await pilot.press("backspace", "i", "enter")
        await until(pilot, lambda: came == [True])


async def test_esc_confirms_nothing(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    came: list[bool | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(Confirmation("revoke pi", "It is put out.", "pi"), came.append)
        await until_shown(pilot, "Type pi and enter")
        await pilot.press("p", "i", "escape")
        await until(pilot, lambda: came == [None])
