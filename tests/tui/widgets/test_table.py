"""A table of lines: what stands in it, the light on a row, and that a change draws one cell."""

from __future__ import annotations

import pytest
from meshdht_tui.widgets.table import Table
from rich.text import Text
from textual.app import App, ComposeResult
from textual.coordinate import Coordinate
from textual.geometry import Region
from textual.widgets import DataTable

from tests.tui.screen import screen_text


class Shown(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[int] = []

    def compose(self) -> ComposeResult:
        yield Table(id="table")

    def on_mount(self) -> None:
        self.table.add_column("name", width=6)
        self.table.add_column("count", width=5)
        for number in range(3):
            self.table.add_row(Text(f"row {number}"), Text(str(number), justify="right"))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.opened.append(event.cursor_row)

    @property
    def table(self) -> Table:
        return self.query_one(Table)


async def test_cells_stand_in_their_columns_left_or_right() -> None:
    app = Shown()
    async with app.run_test(size=(20, 6)):
        lines = screen_text(app).splitlines()
    assert [line.rstrip() for line in lines[:4]] == [
        " name    count",
        " row 0       0",
        " row 1       1",
        " row 2       2",
    ]


async def test_the_row_under_the_cursor_stands_out_and_a_click_chooses_another() -> None:
    app = Shown()
    async with app.run_test(size=(20, 6)) as pilot:
        colours = [app.table.render_line(y)._segments[0].style for y in (1, 3)]
        assert colours[0] != colours[1]
        await pilot.click(Table, offset=(15, 3))
        await pilot.pause()
        assert app.table.cursor_row == 2
        assert app.table.render_line(3)._segments[0].style != colours[1]
        await pilot.click(Table, offset=(2, 3))
        await pilot.pause()
        assert app.opened == [2]


async def test_a_change_draws_its_cell_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Shown()
    async with app.run_test(size=(20, 6)) as pilot:
        drawn: list[Region] = []
        refresh = app.table.refresh

        def noted(*regions: Region, **options: bool) -> Table:
            drawn.extend(regions)
            refresh(*regions, **options)
            return app.table

        monkeypatch.setattr(app.table, "refresh", noted)
        app.table.update_cell_at(Coordinate(1, 1), Text("77", justify="right"))
        await pilot.pause()
        assert drawn == [Region(8, 2, 7, 1)]
        assert screen_text(app).splitlines()[2].rstrip() == " row 1      77"
