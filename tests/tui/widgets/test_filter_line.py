"""A line to type into: what is shown of a list."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.widgets.filter_line import FilterLine
from textual.events import Key

from tests.tui.screen import names, until, until_shown


@pytest.mark.usefixtures("service")
async def test_it_narrows_the_list_as_one_types_and_esc_brings_all_back(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        line = app.screen.query_one(FilterLine)
        assert not line.display
        await pilot.press("slash", *"relay")
        await until(pilot, lambda: names(app) == ["phone"])
        await until_shown(pilot, "“relay”: 1 of 3")
        await pilot.press("enter")
        await until(pilot, lambda: not line.has_focus)
        assert line.display
        assert names(app) == ["phone"]
        await pilot.press("slash", "escape")
        await until(pilot, lambda: names(app) == ["attic", "laptop", "phone"])
        assert not line.display


@pytest.mark.usefixtures("service")
async def test_keys_that_come_all_at_once_are_typed_into_it(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        app.post_message(Key("slash", "/"))
        for letter in "10s/":
            app.post_message(Key("slash" if letter == "/" else letter, letter))
        line = app.screen.query_one(FilterLine)
        await until(pilot, lambda: line.value == "10s/")


@pytest.mark.usefixtures("service")
async def test_an_empty_line_is_hidden_again(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("slash", "enter")
        line = app.screen.query_one(FilterLine)
        await until(pilot, lambda: not line.display)
        await pilot.press("q")
    assert app.return_value == 0
