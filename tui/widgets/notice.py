"""What to do when there is nothing to show."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from meshdht.api.errors import ApiError

from ..colours import ACCENT, MUTED
from ..ledger import Ledger


class Notice(Static):
    """A box in the middle: what is the matter, and the command that helps."""

    def explain(self, ledger: Ledger, network: str) -> None:
        """Say why the ledger has no peers."""
        if ledger.problem is not None:
            self.fail(ledger.problem)
        elif ledger.status is None:
            self.say(f"Asking the daemon of {network} …")
        else:
            self.say(
                "No other device is here yet.",
                "meshdht invite --name laptop",
                "It prints a link; meshdht join, on the other device, takes it.",
            )

    def fail(self, problem: ApiError) -> None:
        """Say what keeps the daemon from answering."""
        foot = "This view comes alive by itself when the daemon does."
        self.say(problem.message, problem.hint, foot)

    def say(self, what: str, hint: str = "", foot: str = "") -> None:
        text = Text(what, "bold", justify="center")
        for line in filter(None, hint.split("; ")):
            text.append("\n\n")
            text.append(f" {line} ", ACCENT)
        if foot:
            text.append("\n\n")
            text.append(foot, MUTED)
        if self.content != text:
            self.update(text)
