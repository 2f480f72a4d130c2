"""A link as a QR code."""

from __future__ import annotations

import segno
from meshdht_tui.qr import qr_code

from tests.api.fake_daemon import LINK


def test_the_modules_are_those_of_the_code() -> None:
    lines = qr_code(LINK).plain.split("\n")
    modules = [
        [pair[part] == "#" for pair in map(_halves, line)] for line in lines for part in (0, 1)
    ]
    wanted = [[bool(m) for m in row] for row in segno.make(LINK, error="l").matrix_iter(border=2)]
    assert modules[: len(wanted)] == wanted


def _halves(character: str) -> str:
    return {" ": "  ", "▀": "# ", "▄": " #", "█": "##"}[character]


def test_it_is_dark_on_light_whatever_the_theme() -> None:
    [span] = qr_code(LINK).spans
    assert span.style == "#000000 on #ffffff"
