"""A bar for who waits at a terminal; nothing for what is quick, and nothing in a pipe."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meshdht.cli import progress
from meshdht.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(terminal: Terminal) -> str:
    """What was written, without escapes."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    monkeypatch.setenv("TERM", "xterm")


def wait_for(terminal: Terminal, text: str) -> None:
    for _ in range(200):
        if text in shown(terminal):
            return
        time.sleep(0.05)
    raise AssertionError(f"{text!r} was never shown: {shown(terminal)!r}")


@pytest.mark.usefixtures("at_once")
def test_a_terminal_shows_each_step_and_is_clean_at_the_end() -> None:
    terminal = Terminal()
    with Progress("one [red]", expected_s=60.0, stream=terminal) as step:
        wait_for(terminal, "one [red]")
        step("two\x1b[2J")
        wait_for(terminal, "two?[2J")
        step.count(2, 5, "2 of 5")
        wait_for(terminal, "2 of 5")
    assert "━" in shown(terminal)
    # The cursor is shown again, and the line is gone.
    assert "\x1b[?25h" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")


def test_what_is_quick_shows_nothing_and_imports_nothing_slow() -> None:
    terminal = Terminal()
    with Progress("quick", stream=terminal):
        pass
    assert terminal.getvalue() == ""


def test_elsewhere_steps_are_lines_for_who_wants_them_and_nothing_else() -> None:
    silent, told = io.StringIO(), io.StringIO()
    for stream, says_steps in ((silent, False), (told, True)):
        with Progress("begin", says_steps=says_steps, stream=stream) as step:
            step("one")
            step("two\x07")
            step.count(1, 2, "half")
    assert silent.getvalue() == ""
    assert told.getvalue() == "meshdht: one\nmeshdht: two?\n"


def test_a_verb_that_waits_has_a_bar_on_a_real_terminal(tmp_path: Path) -> None:
    directories = ["--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path)]
    verb = [sys.executable, "-m", "meshdht", "wait", "--timeout", "100", *directories]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    waiting = subprocess.Popen(verb, stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    interrupted = False
    with contextlib.suppress(OSError):  # the end of a terminal that nobody holds
        while chunk := os.read(ours, 65536):
            seen += chunk
            if b"waiting for the network" in seen and not interrupted:
                waiting.send_signal(signal.SIGINT)
                interrupted = True
    os.close(ours)
    assert waiting.wait(60) == 130
    assert seen.rstrip().endswith(b"\x1b[2K")


def test_a_verb_that_waits_has_none_in_a_pipe(tmp_path: Path) -> None:
    directories = ["--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path)]
    verb = [sys.executable, "-m", "meshdht", "wait", "--timeout", "1.5", *directories]
    piped = subprocess.run(verb, capture_output=True, text=True, check=False, timeout=60)
    assert piped.returncode == 1
    assert piped.stderr.startswith("meshdht: waited 1.5 s in vain")
