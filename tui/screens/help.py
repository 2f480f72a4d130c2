"""The keys, and what the marks mean."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from ..format import ACCENT, GREEN, GREY, YELLOW

_KEYS = (
    ("↑ ↓", "choose a peer"),
    ("s", "sort by the next column; or click its title"),
    ("r", "reverse the order"),
    ("c", "copy the peer's address"),
    ("ctrl+p", "every command, and themes"),
    ("?", "this page"),
    ("q", "quit; the network stays up"),
)
_MARKS = (
    ("●", GREEN, "direct, over the internet or the LAN"),
    ("◐", YELLOW, "by way of a relay, which sees only ciphertext"),
    ("○", GREY, "away"),
)


class HelpScreen(ModalScreen[None]):
    """Closed by any of the keys that one would try."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close"),
    ]

    def compose(self) -> ComposeResult:
        text = Text()
        for key, meaning in _KEYS:
            text.append(f"{key:>7}  ", f"bold {ACCENT}").append(f"{meaning}\n")
        text.append("\n")
        for mark, colour, meaning in _MARKS:
            text.append(f"{mark:>7}  ", colour).append(f"{meaning}\n")
        text.append(
            "\n   seen  time since the last handshake\n    rtt  round-trip time over the mesh"
        )
        help_text = Static(text, id="help")
        help_text.border_title = "meshdht"
        help_text.border_subtitle = "esc closes"
        yield help_text
