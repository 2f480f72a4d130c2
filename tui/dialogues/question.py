"""One line to type: a name, tags; or the word that confirms what cannot be undone."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Input, Static

from ..colours import ACCENT, BAD
from .dialogue import Dialogue


class Question(Dialogue[str]):
    """Asks for a line, which may begin with ``value``."""

    def __init__(self, title: str, about: str, value: str = "", placeholder: str = "") -> None:
        super().__init__(title)
        self._about = about
        self._value = value
        self._placeholder = placeholder

    def parts(self) -> Iterable[Widget]:
        yield Static(self._about, markup=False, classes="about")
        yield Input(self._value, placeholder=self._placeholder, compact=True, select_on_focus=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


class Confirmation(Dialogue[bool]):
    """Says what will happen, and does it once ``word`` is typed."""

    FOOT = "esc leaves all as it is"

    def __init__(self, title: str, about: str, word: str) -> None:
        super().__init__(title)
        self._about = about
        self._word = word

    def parts(self) -> Iterable[Widget]:
        yield Static(self._about, markup=False, classes="about")
        yield Static(
            Text.assemble("Type ", (self._word, ACCENT), " and enter to do it:"), classes="about"
        )
        yield Input(compact=True)
        yield Static(id="wrong")

    def on_input_changed(self) -> None:
        self.query_one("#wrong", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._word:
            self.dismiss(True)
        else:
            self.query_one("#wrong", Static).update(
                Text.assemble((f"that is not {self._word}", BAD))
            )
