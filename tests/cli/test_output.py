"""Colour, columns and progress."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from meshdht.cli.output import Column, coloured, filled, printable, style, table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_whose_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured(Terminal())
    assert not coloured(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not coloured(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured(Terminal())


def test_styles_do_not_move_columns() -> None:
    columns = [Column("NAME", styles=("bold",)), Column("SIZE", right=True), Column("NOTE")]
    rows = [["a", "1 B", "x"], ["longer", "23 KiB", ""]]
    plain = table(columns, rows, titles=True, on=False)
    assert plain == ["NAME      SIZE  NOTE", "a          1 B  x", "longer  23 KiB"]
    bright = table(columns, rows, titles=True, on=True)
    assert bright[1] == f"{style('a', 'bold', on=True)}          1 B  x"


def test_control_characters_are_not_printed() -> None:
    assert printable("a\x1b[31mb\x07\nc") == "a?[31mb?\nc"


def test_a_column_that_says_nothing_is_left_out() -> None:
    columns: dict[Column, Callable[[int], str]] = {
        Column("NUMBER", right=True): str,
        Column("EMPTY"): lambda _: "",
        Column("ODD"): lambda each: "odd" if each % 2 else "",
    }
    assert filled(columns, [1, 10], on=False) == ["NUMBER  ODD", "     1  odd", "    10"]
    assert filled(columns, [2], on=False) == ["NUMBER", "     2"]
