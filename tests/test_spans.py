"""Spans of time read alike everywhere."""

from __future__ import annotations

import pytest

from meshdht.spans import age_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.2, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (7500, "2 h"),
        (86400 * 3.5, "3 d"),
        (-1, "0 s"),
    ],
)
def test_ages_are_rounded_down(seconds: float | None, text: str) -> None:
    assert age_text(seconds) == text
