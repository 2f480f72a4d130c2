"""Colour by role: two themes, and the names by which text asks for a colour of either.

Text says ``Text("direct", GOOD)``; which colour that is, the theme in use decides when it is drawn.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import rich.theme
from textual.color import Color, ColorParseError
from textual.theme import Theme

GOOD, WARN, BAD = "mesh.good", "mesh.warn", "mesh.bad"
ACCENT, MUTED, FAINT = "mesh.accent", "mesh.muted", "mesh.faint"
BADGE = "mesh.badge"

DARK = Theme(
    name="meshdht-dark",
    primary="#56b6c2",
    secondary="#7aa2f7",
    accent="#e5c07b",
    warning="#e5c07b",
    error="#e8707a",
    success="#5fd7a7",
    foreground="#d7dde4",
    background="#11151a",
    surface="#171c23",
    panel="#1e252e",
    dark=True,
    variables={"footer-key-foreground": "#56b6c2", "block-cursor-text-style": "none"},
)
LIGHT = Theme(
    name="meshdht-light",
    primary="#0b7285",
    secondary="#2f5bb7",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#b3263a",
    success="#14734a",
    foreground="#1f262e",
    background="#fbfcfd",
    surface="#f0f3f6",
    panel="#e3e8ed",
    dark=False,
    variables={"footer-key-foreground": "#0b7285", "block-cursor-text-style": "none"},
)


def theme_for(environment: Mapping[str, str]) -> str:
    """The theme to begin with: the one that ``TEXTUAL_THEME`` names, else by the background that
    the terminal tells of in ``COLORFGBG`` (``15;0`` is white on black), else dark."""
    named = environment.get("TEXTUAL_THEME")
    if named:
        return named
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in ("7", "15") else DARK.name


def chosen_theme() -> str:
    """As ``theme_for`` says of this process's environment."""
    return theme_for(os.environ)


def text_colours(theme: Theme) -> rich.theme.Theme:
    """The roles as colours of a theme, for a console."""
    background = theme.background or ("#121212" if theme.dark else "#ffffff")
    foreground = theme.foreground or ("#e0e0e0" if theme.dark else "#202020")
    roles = {
        GOOD: theme.success or theme.primary,
        WARN: theme.warning or theme.primary,
        BAD: theme.error or theme.primary,
        ACCENT: theme.primary,
        MUTED: _between(background, foreground, 0.63),
        FAINT: _between(background, foreground, 0.28),
        BADGE: f"bold {_plain(background)} on {_plain(theme.primary)}",
    }
    return rich.theme.Theme(
        {role: colour if " " in colour else _plain(colour) for role, colour in roles.items()}
    )


def _plain(colour: str) -> str:
    """A colour as Rich reads it; none for one of the terminal's own."""
    try:
        parsed = Color.parse(colour)
    except ColorParseError:
        return "default"
    return "default" if parsed.ansi is not None else parsed.hex6


def _between(background: str, foreground: str, share: float) -> str:
    """A colour on the way from the background to the foreground."""
    try:
        back, front = Color.parse(background), Color.parse(foreground)
    except ColorParseError:
        return "default"
    if back.ansi is not None or front.ansi is not None:
        return "default"
    return back.blend(front, share).hex6
