"""What happens meanwhile, for who waits at a terminal: a bar, once it takes more than a moment.

The first second shows nothing, so that what is quick does not flicker and imports no rich.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

from meshdht.cli.output import printable

DELAY_S = 1.0
_TICK_S = 0.1
# What is expected to be done by now, and is not, stays short of the end.
_ALMOST = 0.95


class Progress:
    """``with Progress("looking around", expected_s=5):``, on stderr.

    ``expected_s``: how long it takes at most, as a rule. ``says_steps``: each text is a line of
    its own where there is no terminal; without it, nothing is said there.
    """

    def __init__(
        self,
        text: str = "",
        *,
        expected_s: float | None = None,
        says_steps: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._text = printable(text)
        self._expected_s = expected_s
        self._says_steps = says_steps
        self._counted: tuple[int, int] | None = None
        self._begun = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._stream.isatty():
            self._thread = threading.Thread(target=self._show, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def __call__(self, text: str) -> None:
        """The next step."""
        self._text = printable(text)
        if self._says_steps and self._thread is None:
            self._stream.write(f"meshdht: {self._text}\n")
            self._stream.flush()

    def count(self, done: int, total: int, text: str) -> None:
        """So many of so many are done."""
        self._counted = done, total
        self._text = printable(text)

    def _show(self) -> None:
        if self._over.wait(DELAY_S):
            return
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        bar = () if self._expected_s is None and self._counted is None else (BarColumn(),)
        text = TextColumn("{task.description}", markup=False)
        with Bars(
            SpinnerColumn(),
            text,
            *bar,
            TimeElapsedColumn(),
            console=Console(file=self._stream),
            transient=True,
        ) as bars:
            task = bars.add_task(self._text, total=1.0)
            while not self._over.wait(_TICK_S):
                bars.update(task, description=self._text, completed=self._fraction())

    def _fraction(self) -> float:
        if self._counted is not None:
            done, total = self._counted
            return done / total if total else 1.0
        if self._expected_s is None:
            return 0.0
        return min(_ALMOST, (time.monotonic() - self._begun) / self._expected_s)
