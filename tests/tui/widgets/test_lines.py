"""A box of lines: it shows what it was told, and draws only what differs."""

from __future__ import annotations

import pytest
from meshdht_tui.widgets.lines import Lines, segments
from rich.console import Console
from rich.style import Style
from rich.text import Text
from rich.theme import Theme
from textual.app import App, ComposeResult
from textual.geometry import Region

from tests.tui.screen import screen_text


class Shown(App[None]):
    CSS = "Lines { height: 3; }"

    def compose(self) -> ComposeResult:
        yield Lines(id="box")

    @property
    def box(self) -> Lines:
        return self.query_one(Lines)


def test_a_line_has_the_colour_of_its_whole_and_of_its_parts() -> None:
    console = Console(theme=Theme({"role": "red"}))
    on = Style.parse("on blue")
    whole = segments(Text("all", "role"), on, console)
    assert [(each.text, str(each.style)) for each in whole] == [("all", "red on blue")]
    parts = segments(Text.assemble("a", ("b", "role"), style="green"), on, console)
    assert [str(each.style) for each in parts] == ["green on blue", "red on blue"]


async def test_a_text_stands_there_line_for_line_and_what_does_not_fit_is_cut_off() -> None:
    app = Shown()
    async with app.run_test(size=(10, 4)) as pilot:
        app.box.show(Text("one\na line that is long\n\nfour"))
        await pilot.pause()
        lines = screen_text(app).splitlines()
        assert [line.rstrip() for line in lines] == ["one", "a line tha", "", ""]
        app.box.show(Text("two"))
        await pilot.pause()
        assert screen_text(app).split() == ["two"]


async def test_only_lines_that_differ_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Shown()
    async with app.run_test(size=(10, 4)):
        app.box.show(Text("one\ntwo\nthree"))
        drawn: list[Region] = []
        monkeypatch.setattr(app.box, "refresh", lambda *regions: drawn.extend(regions))
        app.box.show(Text.assemble("one\n", ("two", "bold"), "\nthree"))
        app.box.show(Text.assemble("one\n", ("two", "bold"), "\nthree"))
        assert drawn == [Region(0, 1, 10, 1)]
