"""A line to type into, above the keys: what is shown of a list."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


def search_key(of_what: str) -> Binding:
    """The key that opens one. It goes before all others, so that keys that come together with it
    find the line open."""
    return Binding("slash", "search", "Search", key_display="/", tooltip=of_what, priority=True)


class FilterLine(Input):
    """Hidden until it is opened, and while it is empty. Its ``Changed`` says what is typed."""

    class Left(Message):
        """The list is to have the keys again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", "Show all"),
        Binding("enter,down", "leave", "Done"),
    ]

    def __init__(self, of_what: str) -> None:
        super().__init__(placeholder=f"search: {of_what}", compact=True, id="filter")
        self.display = False

    def open(self) -> None:
        """It has the keys at once, for what is typed ahead is meant for it."""
        self.display = True
        self.screen.set_focus(self)

    def clear(self) -> None:
        super().clear()
        self.display = False

    def action_drop(self) -> None:
        self.clear()
        self.post_message(self.Left())

    def action_leave(self) -> None:
        self.display = bool(self.value)
        self.post_message(self.Left())
