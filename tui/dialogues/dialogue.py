"""A box on top of a screen, left by esc, that gives back what was said in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget

T = TypeVar("T")


class Dialogue(ModalScreen[T | None], Generic[T]):
    """``parts`` is what is in it. Its result is None where it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave")]
    FOOT: ClassVar[str] = "enter does it, esc leaves"

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialogue", can_focus=False) as box:
            box.border_title = self._title
            box.border_subtitle = self.FOOT
            yield from self.parts()

    def parts(self) -> Iterable[Widget]:
        raise NotImplementedError

    def action_leave(self) -> None:
        self.dismiss(None)
