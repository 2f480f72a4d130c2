"""Colours by role."""

from __future__ import annotations

import pytest
from meshdht_tui.colours import (
    ACCENT,
    BAD,
    BADGE,
    DARK,
    FAINT,
    GOOD,
    LIGHT,
    MUTED,
    WARN,
    chosen_theme,
    text_colours,
    theme_for,
)
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, DARK.name),
        ({"COLORFGBG": "15;0"}, DARK.name),
        ({"COLORFGBG": "0;15"}, LIGHT.name),
        ({"COLORFGBG": "0;default;7"}, LIGHT.name),
        ({"COLORFGBG": "0;15", "TEXTUAL_THEME": "nord"}, "nord"),
    ],
)
def test_the_first_theme_is_the_one_that_fits_the_terminal(
    environment: dict[str, str], name: str
) -> None:
    assert theme_for(environment) == name


def test_the_environment_of_this_process_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_THEME", "nord")
    assert chosen_theme() == "nord"


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("role", [GOOD, WARN, BAD, ACCENT, MUTED])
def test_every_role_is_readable_on_both_backgrounds(theme: Theme, role: str) -> None:
    """WCAG 2.1 asks for 4.5 of text, 3 of what is large or beside the point."""
    colour = text_colours(theme).styles[role].color
    assert colour is not None
    assert colour.triplet is not None
    assert theme.background is not None
    assert contrast(Color(*colour.triplet), Color.parse(theme.background)) >= 4.5


def contrast(one: Color, other: Color) -> float:
    """WCAG 2.1's contrast ratio."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: Color) -> float:
    def linear(share: float) -> float:
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(each / 255) for each in (colour.r, colour.g, colour.b))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", sorted(BUILTIN_THEMES))
def test_every_theme_that_one_may_choose_has_every_role(name: str) -> None:
    styles = text_colours(BUILTIN_THEMES[name]).styles
    assert {GOOD, WARN, BAD, ACCENT, MUTED, FAINT, BADGE} <= set(styles)
