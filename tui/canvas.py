"""A picture made of characters: lines of Braille, and words over them. Pure, free of Textual."""

from __future__ import annotations

from rich.text import Text

from .charts import BLANK, LEFT, RIGHT

Point = tuple[float, float]
"""A place in cells from the top left: the middle of a cell is at a half."""


class Canvas:
    """Lines are drawn two dots a cell across and four down."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._dots: dict[tuple[int, int], int] = {}
        self._styles: dict[tuple[int, int], str] = {}
        self._words: dict[int, list[tuple[int, Text]]] = {}

    def line(self, start: Point, end: Point, style: str, pattern: str = "#") -> None:
        """From place to place; ``pattern`` is repeated along it, a dot for each ``#``."""
        from_x, from_y, to_x, to_y = 2 * start[0], 4 * start[1], 2 * end[0], 4 * end[1]
        steps = max(1, round(max(abs(to_x - from_x), abs(to_y - from_y))))
        for step in range(steps + 1):
            if pattern[step % len(pattern)] == "#":
                share = step / steps
                x, y = from_x + (to_x - from_x) * share, from_y + (to_y - from_y) * share
                self._dot(int(x), int(y), style)

    def _dot(self, x: int, y: int, style: str) -> None:
        cell = x // 2, y // 4
        if 0 <= cell[0] < self.width and 0 <= cell[1] < self.height:
            bits = RIGHT if x % 2 else LEFT
            self._dots[cell] = self._dots.get(cell, 0) | bits[3 - y % 4]
            self._styles[cell] = style

    def words(self, x: int, y: int, text: Text) -> None:
        """Over whatever lines there are, from a cell to the right; cut at the edges. Where two
        texts meet, the one that begins farther left is whole."""
        self._words.setdefault(y, []).append((x, text))

    def text(self) -> Text:
        """The whole picture."""
        return Text("\n", no_wrap=True).join(self._row(y) for y in range(self.height))

    def _row(self, y: int) -> Text:
        row = Text(no_wrap=True)
        for x, words in sorted(self._words.get(y, []), key=lambda item: item[0]):
            at = max(x, len(row))
            self._append_line(row, y, min(at, self.width))
            row.append_text(words[at - x : max(at - x, self.width - x)])
        self._append_line(row, y, self.width)
        return row

    def _append_line(self, row: Text, y: int, end: int) -> None:
        for x in range(len(row), end):
            dots = self._dots.get((x, y), 0)
            row.append(chr(BLANK | dots) if dots else " ", self._styles.get((x, y)))
