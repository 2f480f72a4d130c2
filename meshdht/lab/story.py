"""The demo's progress, told in short lines with their times."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TextIO

TITLE_COLUMNS = 9
ACTION_COLUMNS = 28


class Step:
    """One line in the making."""

    def __init__(self) -> None:
        self.text = ""

    def says(self, action: str, result: str = "") -> None:
        """What was done, and what came of it."""
        self.text = f"{action:<{ACTION_COLUMNS}} {result}" if result else action


class Story:
    """Writes to ``out``; in colour if that is a terminal."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._colour = self._terminal and not os.environ.get("NO_COLOR")

    def line(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Time what happens inside, then print its line; a step that fails is marked so."""
        step, started = Step(), time.monotonic()
        if self._terminal:
            self._out.write(f"  … {title}")
            self._out.flush()
        try:
            yield step
        except BaseException:
            self._finish(f"  {self._styled('31', '✗')} {title}")
            raise
        seconds = self._styled("2", f"{time.monotonic() - started:.1f} s")
        mark = self._styled("32", "✓")
        self._finish(f"  {mark} {title:<{TITLE_COLUMNS}} {step.text}  {seconds}")

    def failed(self, message: str, hint: str) -> None:
        """Say what is wrong, and what to do about it."""
        self.line(f"{self._styled('31', 'meshdht:')} {message}" + (f"\n  {hint}" if hint else ""))

    def _finish(self, text: str) -> None:
        self.line(("\r\x1b[K" if self._terminal else "") + text)

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
