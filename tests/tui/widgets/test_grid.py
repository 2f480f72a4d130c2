"""A table whose columns fit, and of which only what changed is drawn."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshdht_tui.widgets.grid import Grid, GridColumn, Row, fit
from rich.text import Text
from textual.app import App, ComposeResult

COLUMNS = (
    GridColumn("name", 10, most=20),
    GridColumn("id", 12, rank=2),
    GridColumn("count", 5, right=True),
    GridColumn("tags", 8, rank=1),
)


def titles(width: int) -> list[str]:
    return [each.title for each in fit(COLUMNS, width).values()]


def test_columns_come_by_their_rank_and_stand_in_their_order() -> None:
    assert titles(19) == ["name", "count"]
    assert titles(29) == ["name", "count", "tags"]
    assert titles(43) == ["name", "id", "count", "tags"]


@given(st.integers(19, 200))
def test_what_fits_is_no_wider_than_there_is_room(width: int) -> None:
    assert sum(each.width + 2 for each in fit(COLUMNS, width).values()) <= width


def test_room_that_is_left_goes_to_the_column_that_grows() -> None:
    assert fit(COLUMNS, 46)[0].width == 13
    assert fit(COLUMNS, 99)[0].width == 20


class Shown(App[None]):
    def compose(self) -> ComposeResult:
        yield Grid(COLUMNS, id="grid")

    @property
    def grid(self) -> Grid:
        return self.query_one(Grid)


def rows(*names: str) -> list[Row]:
    return [(name, [Text(name), Text(name * 3), Text("1"), Text("lab")]) for name in names]


async def test_rows_come_and_go_and_the_cursor_stays_on_its_row() -> None:
    app = Shown()
    async with app.run_test(size=(60, 12)) as pilot:
        app.grid.show(rows("a", "b", "c"))
        await pilot.press("down", "down")
        assert app.grid.selected_key == "c"
        app.grid.show(rows("a", "a2", "b", "c", "d"))
        assert app.grid.selected_key == "c"
        app.grid.show(rows("a"))
        assert app.grid.selected_key == "a"
        app.grid.show([])
        assert app.grid.selected_key is None


async def test_only_cells_that_read_differently_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Shown()
    async with app.run_test(size=(60, 12)):
        app.grid.show(rows("a", "b"))
        drawn: list[str] = []
        update = app.grid.update_cell_at

        def note(at: Any, value: Text, **options: Any) -> None:
            drawn.append(value.plain)
            update(at, value, **options)

        monkeypatch.setattr(app.grid, "update_cell_at", note)
        later = rows("a", "b")
        later[1][1][2].append("0")
        app.grid.show(later)
        assert drawn == ["10"]


async def test_a_narrower_terminal_drops_columns_and_keeps_the_rows() -> None:
    app = Shown()
    async with app.run_test(size=(60, 12)) as pilot:
        app.grid.show(rows("a", "b"))
        await pilot.press("down")
        assert len(app.grid.columns) == 4
        await pilot.resize_terminal(24, 12)
        await pilot.pause()
        assert len(app.grid.columns) == 2
        assert (app.grid.row_count, app.grid.selected_key) == (2, "b")
