"""The page of keys and marks."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp

from tests.tui.screen import screen_text, until, until_shown


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("key", ["escape", "question_mark", "q", "enter"])
async def test_it_is_closed_by_any_key_that_one_would_try(socket_path: Path, key: str) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("question_mark")
        await until_shown(pilot, "esc closes")
        await pilot.press(key)
        await until(pilot, lambda: "esc closes" not in screen_text(app))
        assert app.is_running


@pytest.mark.usefixtures("service")
async def test_it_names_every_key_of_the_footer_and_every_mark(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        shown = {binding.binding.key_display or key for key, binding in app.active_bindings.items()}
        await pilot.press("question_mark")
        await until_shown(pilot, "esc closes")
        text = screen_text(app)
    assert {"/", "f", "s", "c", "?", "q"} <= shown
    for key in shown - {"⏎", "up", "down"}:
        if len(key) == 1 and not key.isdecimal():
            assert f" {key}  " in text
    for mark in "●◐○":
        assert mark in text
