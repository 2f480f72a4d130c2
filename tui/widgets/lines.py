"""Text in a box of fixed size, of which only the lines that changed are drawn again."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


def segments(text: Text, style: Style, console: Console) -> list[Segment]:
    """A line as it is drawn on ``style``; the console knows the roles of colours."""
    # What Text renders has the style of its parts, and its own only where it has parts.
    base = style + console.get_style(text.style, default=Style.null())
    return [
        Segment(said, base + look if look else base)
        for said, look, _ in text.render(console)
        if said
    ]


class Lines(Widget):
    """Shows a text line for line, what does not fit cut off. A text may have places to click, which
    it colours itself."""

    auto_links = False

    def __init__(self, *, id: str, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._titles = "", ""
        self.lines: Sequence[Text] = ()
        """What stands there."""

    def show(self, text: Text) -> None:
        """Draw what differs from what is there."""
        known, self.lines = self.lines, list(text.split("\n", allow_blank=True))
        for y in range(max(len(known), len(self.lines))):
            if self._line(known, y) != self._line(self.lines, y):
                self.refresh(Region(0, y, self.size.width, 1))

    def entitle(self, title: str, subtitle: str = "") -> None:
        """What its border says; to set it draws the whole box."""
        if (title, subtitle) != self._titles:
            self._titles = title, subtitle
            self.border_title, self.border_subtitle = title, subtitle

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()  # the roles of colours mean others as well

    def render_line(self, y: int) -> Strip:
        style = self.rich_style
        drawn = segments(self._line(self.lines, y), style, self.app.console)
        return Strip(drawn).adjust_cell_length(self.size.width, style)

    @staticmethod
    def _line(lines: Sequence[Text], y: int) -> Text:
        return lines[y] if y < len(lines) else Text()
