"""A picture made of characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from meshdht_tui.canvas import Canvas
from rich.text import Text

points = st.tuples(st.floats(-5, 40), st.floats(-5, 20))


def test_a_line_is_dots_from_place_to_place() -> None:
    canvas = Canvas(4, 1)
    canvas.line((0, 0.1), (4, 0.1), "x")
    assert canvas.text().plain == "⠉⠉⠉⠉"
    dotted = Canvas(4, 1)
    dotted.line((0, 0.9), (4, 0.9), "x", "#.")
    assert dotted.text().plain == "⡀⡀⡀⡀"


def test_words_stand_over_lines_and_the_left_ones_are_whole() -> None:
    canvas = Canvas(8, 1)
    canvas.line((0, 0.1), (8, 0.1), "x")
    canvas.words(4, 0, Text("right"))
    canvas.words(1, 0, Text("left"))
    assert canvas.text().plain == "⠉leftigh"


def test_words_begin_beyond_the_left_edge_as_well() -> None:
    canvas = Canvas(3, 1)
    canvas.words(-2, 0, Text("abcd"))
    assert canvas.text().plain == "cd "


@given(points, points, st.integers(-9, 40), st.text("ab", max_size=50))
def test_a_picture_is_as_large_as_it_is_told(
    start: tuple[float, float], end: tuple[float, float], x: int, words: str
) -> None:
    canvas = Canvas(30, 7)
    canvas.line(start, end, "x")
    canvas.words(x, 3, Text(words))
    assert [len(line) for line in canvas.text().plain.split("\n")] == [30] * 7
