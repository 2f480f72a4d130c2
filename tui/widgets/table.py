"""A table of single lines of which only the cells that changed are drawn again."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.coordinate import Coordinate
from textual.strip import Strip
from textual.widgets import DataTable

from .lines import segments

PADDING = 1


@lru_cache(maxsize=1024)
def _place(row: int) -> Style:
    """What DataTable looks up under the mouse."""
    return Style.from_meta({"row": row, "column": 0})


class Table(DataTable[Text]):
    """Chooses whole rows. DataTable itself draws every line in sight anew after any change of a
    cell, each cell by way of a console: a table of which some rows change each second would cost
    a processor's hundredth. Here a line is put together from its cells as they are, cut to their
    columns by whoever made them."""

    def __init__(self, *, id: str) -> None:
        super().__init__(
            cursor_type="row",
            cursor_foreground_priority="renderable",
            zebra_stripes=True,
            cell_padding=PADDING,
            id=id,
        )
        self._lights: dict[tuple[str, ...], Style] = {}

    def update_cell_at(
        self, coordinate: Coordinate, value: Text, *, update_width: bool = False
    ) -> None:
        """Put a text in a cell and draw that cell alone, if it is in sight."""
        row, column = self.coordinate_to_cell_key(coordinate)
        self._data[row][column] = value
        self.refresh_coordinate(coordinate)

    def render_line(self, y: int) -> Strip:
        row = y - self.header_height + self.scroll_offset.y
        if y < self.header_height or row >= self.row_count:
            return super().render_line(y)
        style = self._row_style(row)
        drawn = []
        for text, column in zip(self.get_row_at(row), self.ordered_columns, strict=True):
            drawn += self._cell(text, column.width, style)
        width = self.size.width
        return Strip(drawn).adjust_cell_length(width, style).simplify()

    def notify_style_update(self) -> None:
        self._lights.clear()
        super().notify_style_update()

    def _row_style(self, row: int) -> Style:
        """Its stripe, and the light of the mouse and the cursor on it."""
        lights = ["datatable--odd-row" if row % 2 else "datatable--even-row"]
        if row == self.hover_row and self._show_hover_cursor:
            lights.append("datatable--hover")
        if row == self.cursor_row and self.show_cursor:
            lights.append("datatable--cursor")
        known = self._lights.get(tuple(lights))
        if known is None:
            looks = (self.get_component_styles(light).rich_style for light in lights)
            known = self._lights[tuple(lights)] = Style.combine(looks)
        return known + _place(row)

    def _cell(self, text: Text, width: int, style: Style) -> list[Segment]:
        spare = width - text.cell_len
        before = spare if text.justify == "right" else 0
        blank = Segment(" " * (PADDING + before), style)
        words = segments(text, style, self.app.console)
        return [blank, *words, Segment(" " * (PADDING + spare - before), style)]
