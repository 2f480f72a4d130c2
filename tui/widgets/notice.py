"""What to do when there is nothing to show."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from ..ledger import Ledger


class Notice(Static):
    """A box in the middle: what is the matter, and the command that helps."""

    def explain(self, ledger: Ledger, network: str) -> None:
        """Say why the ledger has no peers."""
        if ledger.problem is not None:
            what, hint = ledger.problem.message, ledger.problem.hint
            foot = "This view comes alive by itself when the daemon does."
        elif ledger.status is None:
            what, hint, foot = f"Asking the daemon of {network} …", "", ""
        else:
            what, hint = "No other device is here yet.", "meshdht invite --name laptop"
            foot = "It prints a link; meshdht join, on the other device, takes it."
        text = Text(what, "bold", justify="center")
        for line in hint.split("; "):
            text.append(f"\n\n{line}", "not bold reverse" if len(line) < 40 else "not bold")
        if foot:
            text.append(f"\n\n{foot}", "not bold dim")
        self.update(text)
