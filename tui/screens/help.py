"""The keys, and what the marks mean."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ..colours import ACCENT, GOOD, MUTED, WARN
from .view import TABS, View

_EVERYWHERE = (
    (f"1 … {len(TABS)}", ", ".join(title for _, title in TABS)),
    ("tab", "the next screen; shift+tab: the one before"),
    ("↑ ↓", "choose a line"),
    ("L", "light or dark"),
    ("ctrl+p", "every command, and themes"),
    ("?", "this page"),
    ("q", "quit; the network stays up"),
)
_MARKS = (
    ("●", GOOD, "direct, over the internet or the LAN"),
    ("◐", WARN, "by way of a relay, which sees only ciphertext"),
    ("○", MUTED, "away"),
)


class HelpScreen(ModalScreen[None]):
    """Closed by any of the keys that one would try."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close"),
    ]

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        text = Text()
        for key, meaning in (*keys_of(self._view), *_EVERYWHERE):
            text.append(f"{key:>9}  ", ACCENT).append(f"{meaning}\n")
        text.append("\n")
        for mark, colour, meaning in _MARKS:
            text.append(f"{mark:>9}  ", colour).append(f"{meaning}\n")
        text.append("     seen  ", MUTED).append("time since the last handshake\n")
        text.append("      rtt  ", MUTED).append("round-trip time over the mesh\n")
        text.append("     loss  ", MUTED).append("share of the last 32 probes without an answer")
        with VerticalScroll(id="help") as box:
            box.border_title = "meshdht"
            box.border_subtitle = "esc closes"
            yield Static(text)


def keys_of(view: View) -> list[tuple[str, str]]:
    """The keys of one screen, and what they do there."""
    bindings = [each for each in view.BINDINGS if isinstance(each, Binding)]
    return [
        (each.key_display or each.key.split(",")[0], each.tooltip or each.description)
        for each in bindings
        if each.description
    ]
