"""Text for people: colour where it helps, columns, diagnostics on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO, TypeVar

T = TypeVar("T")

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def coloured(stream: TextIO) -> bool:
    """True on a terminal that shows colour, unless the user does not want any (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def interactive() -> bool:
    """True where somebody sits at a terminal, who sees what is written and answers it."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def style(text: str, *names: str, on: bool) -> str:
    """``text`` in the named styles, or as it is."""
    if not on or not names:
        return text
    return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def printable(text: str) -> str:
    """Without control characters, which could command the terminal."""
    return "".join(
        character if character.isprintable() or character == "\n" else "?" for character in text
    )


def say(text: str = "") -> None:
    """A line of the answer, on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(value: object) -> None:
    """The answer as one line of JSON, on stdout."""
    import msgspec  # not for --help

    say(msgspec.json.encode(value).decode())


def note(text: str) -> None:
    """A line beside the answer, on stderr."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def complain(message: str, hint: str = "") -> None:
    """What is wrong and what to do, on stderr."""
    on = coloured(sys.stderr)
    lines = f"{style('meshdht:', 'red', 'bold', on=on)} {printable(message)}\n"
    if hint:
        # What is asked is no command to try.
        lead = "" if hint.endswith("?") else style("try:", "bold", on=on) + " "
        lines += f"  {lead}{printable(hint)}\n"
    sys.stderr.write(lines)
    sys.stderr.flush()


class Column:
    """A column of a table: how its cells are aligned, and styled alike or by ``style_of``."""

    def __init__(
        self,
        title: str = "",
        *,
        right: bool = False,
        styles: Sequence[str] = (),
        style_of: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        self.title = title
        self.right = right
        self._styles = styles
        self._style_of = style_of

    def styles(self, cell: str) -> Sequence[str]:
        return self._style_of(cell) if self._style_of is not None else self._styles


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, titles: bool, on: bool
) -> list[str]:
    """Lines with aligned cells, two spaces between them, none at the end."""
    shown = [[column.title for column in columns]] if titles else []
    shown += [[printable(cell) for cell in row] for row in rows]
    widths = [max((len(row[i]) for row in shown), default=0) for i in range(len(columns))]
    lines = []
    for number, row in enumerate(shown):
        is_title = titles and number == 0
        cells = []
        for column, cell, width in zip(columns, row, widths, strict=True):
            padding = " " * (width - len(cell))
            text = style(
                cell, *(("dim",) if is_title else column.styles(cell)), on=on and bool(cell)
            )
            cells.append(padding + text if column.right else text + padding)
        lines.append("  ".join(cells).rstrip())
    return lines


def filled(columns: dict[Column, Callable[[T], str]], items: Iterable[T], *, on: bool) -> list[str]:
    """A table with titles of what each column says of each item, without columns that are empty.
    No lines of no items."""
    items = list(items)
    if not items:
        return []
    cells = {column: [cell(each) for each in items] for column, cell in columns.items()}
    shown = {column: each for column, each in cells.items() if any(each)}
    return table(list(shown), list(zip(*shown.values(), strict=True)), titles=True, on=on)
