"""The link that was made, and its QR code where there is room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from meshdht.api.messages import Invite
from meshdht.api.text import age_text

from ..colours import ACCENT, MUTED, WARN
from ..qr import qr_code
from .dialogue import Dialogue

# The box around the code: its border, the lines of text above.
_FRAME_LINES, _FRAME_COLUMNS = 9, 6


class InviteLink(Dialogue[None]):
    """Shown once: whoever has the link can join until it expires."""

    FOOT = "c copies the link, esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy link"),
        Binding("enter,q", "leave", "Close"),
    ]

    def __init__(self, invite: Invite, expires_s: int) -> None:
        super().__init__("invite")
        self._invite = invite
        self._expires_s = expires_s
        self._code = qr_code(invite.link)

    def parts(self) -> Iterable[Widget]:
        yield Static(self._terms(), classes="about")
        yield Static(self._invite.link, markup=False, id="link")
        yield Static(id="code")

    def _terms(self) -> Text:
        uses = self._invite.uses
        whom = "one device" if uses == 1 else f"{uses} devices"
        return Text.assemble(
            ("treat it as a password", WARN),
            (f"  works {age_text(self._expires_s)} for {whom}\n", MUTED),
            ("on that device: ", MUTED),
            ("sudo meshdht join 'LINK'", ACCENT),
        )

    def on_resize(self, event: events.Resize) -> None:
        lines = self._code.plain.split("\n")
        wide, high = len(lines[0]) + _FRAME_COLUMNS, len(lines) + _FRAME_LINES
        fits = wide <= event.size.width and high <= event.size.height
        too_small = f"The QR code is shown where there are {wide} columns and {high} lines."
        note = Text.assemble((too_small, MUTED))
        self.query_one("#code", Static).update(self._code if fits else note)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._invite.link)
        self.notify("link copied")
