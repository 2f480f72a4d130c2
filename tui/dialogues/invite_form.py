"""What an invite is to let in, and on what terms."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.text import Text
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Label, Static

from meshdht.api.messages import CreateInvite

from ..colours import BAD
from .dialogue import Dialogue

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EXPIRES_MAX_S = 366 * 86400
_USES_MAX = 1000


def parse_span(text: str) -> int | None:
    """Seconds of ``90s``, ``15m``, ``1h``, ``7d``; None for what is none, or over a year."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text.strip().lower())
    if found is None:
        return None
    seconds = int(found[1]) * _UNITS[found[2]]
    return seconds if seconds <= _EXPIRES_MAX_S else None


class Tick(Checkbox):
    """Says by its mark, and not by a colour alone, whether it is set."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        self.BUTTON_INNER = "✓" if self.value else " "
        super().watch_value()


class InviteForm(Dialogue[CreateInvite]):
    """Gives the request that makes the invite."""

    FOOT = "tab to the next field, enter makes it, esc leaves"

    def __init__(self) -> None:
        super().__init__("new invite")

    def parts(self) -> Iterable[Widget]:
        fields = (
            ("name", "name", "", "suggested to the device; may be empty"),
            ("expires", "works for", "1h", "90s, 15m, 1h, 7d"),
            ("uses", "devices", "1", "how many may use it"),
            ("tags", "tags", "", "given to the devices that come in"),
            ("ephemeral", "put out", "", "after so long offline: 30m; empty: never"),
        )
        for id, label, value, hint in fields:
            with Horizontal(classes="field"):
                yield Label(label)
                yield Input(value, placeholder=hint, compact=True, id=id)
        yield Tick("an admin has to approve each device", compact=True, id="approve")
        yield Static(id="wrong")

    def on_input_submitted(self) -> None:
        asked = self._asked()
        if isinstance(asked, str):
            self.query_one("#wrong", Static).update(Text.assemble((asked, BAD)))
        else:
            self.dismiss(asked)

    def _asked(self) -> CreateInvite | str:
        """The request, or what is wrong with a field."""
        typed = {each.id: each.value.strip() for each in self.query(Input)}
        expires_s = parse_span(typed["expires"])
        ephemeral_s = parse_span(typed["ephemeral"]) if typed["ephemeral"] else 0
        uses = typed["uses"]
        if expires_s is None or ephemeral_s is None:
            return "a time is a number and s, m, h or d, a year at most: 15m"
        if not uses.isdecimal() or not 1 <= int(uses) <= _USES_MAX:
            return f"devices: from 1 to {_USES_MAX}"
        if len(typed["name"]) > 63:
            return "a name has 63 letters at most"
        return CreateInvite(
            name=typed["name"] or None,
            expires_s=expires_s,
            uses=int(uses),
            tags=tuple(typed["tags"].replace(",", " ").split()),
            ephemeral_s=ephemeral_s,
            approve=self.query_one(Checkbox).value,
        )
