"""What `meshdht doctor` finds: looked for when the screen is first seen, and again when asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from meshdht.api.doctor_messages import Diagnosis, DiagnosisReply, GetDiagnosis

from ..colours import MUTED
from ..doctor_text import findings_text, fixes
from ..host import Host
from ..widgets.notice import Notice
from .view import View


class DoctorScreen(View):
    """One look takes seconds: it is not repeated by itself."""

    TAB = "doctor"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "look", "Look again"),
        Binding("c", "copy", "Copy the first fix"),
    ]

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._diagnosis: Diagnosis | None = None
        self._is_looking = False
        self._written: object = None

    def parts(self) -> Iterable[Widget]:
        with VerticalScroll(id="findings"):
            yield Static(id="found")
        yield Notice()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self._diagnosis is None:
            self.action_look()

    async def load(self) -> None:
        self._diagnosis = (await self.host.ask(GetDiagnosis(), DiagnosisReply)).diagnosis

    def action_look(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self.show()
            self.run_worker(self._look(), group="look")

    async def _look(self) -> None:
        try:
            await self.reload()
        finally:
            self._is_looking = False
            self.show()

    def action_copy(self) -> None:
        found = fixes(self._diagnosis) if self._diagnosis is not None else []
        if found:
            self.copy(found[0], "command")
        else:
            self.notify("there is nothing to fix")

    def draw(self, now: float) -> None:
        notice = self.query_one(Notice)
        self.query_one("#findings").display = self._diagnosis is not None
        notice.display = self._diagnosis is None
        if self._diagnosis is not None:
            text = findings_text(self._diagnosis, self.size.width - 5)
            box = self.query_one("#found", Static)
            basis = text, self.app.theme
            if self._written != basis:
                self._written = basis
                box.update(text)
        elif self._is_looking:
            notice.say("Looking at the machine and the network around it …")
        elif self.problem is not None:
            notice.fail(self.problem)

    def note(self) -> Text:
        return Text("looking …" if self._is_looking else "", MUTED)
