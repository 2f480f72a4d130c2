"""The demo, as a user runs it: in a pipe, in a terminal, interrupted, killed."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshdht.lab.process import PATIENCE
from tests.lab.test_world import GONE_TIMEOUT_S, visible_outside

DEMO = [sys.executable, "-P", "-m", "meshdht", "demo"]
DEMO_TIMEOUT_S = 90.0 * PATIENCE


def marked(mark: str) -> list[str]:
    """The command lines of the processes that have ``mark`` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """For the demo; whatever it does, the machine is afterwards as it was before.

    Every process that a demo starts inherits the mark, so none of them can hide.
    """
    before, mark = visible_outside(), f"MESHDHT_TEST_MARK={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    yield {**os.environ, name: value, "TERM": "xterm-256color"}
    deadline = time.monotonic() + GONE_TIMEOUT_S
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == []
    assert visible_outside() == before


def test_without_a_terminal_it_proves_the_mesh_and_prints_every_status(
    environment: dict[str, str],
) -> None:
    demo = subprocess.run(
        DEMO, env=environment, capture_output=True, text=True, timeout=DEMO_TIMEOUT_S, check=False
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "✗" not in demo.stdout
    assert demo.stdout.count("✓ ping") == 4
    assert "SHA-256" in demo.stdout
    for name in ("nas", "vps", "laptop", "phone"):
        assert f"{name}$ meshdht status" in demo.stdout


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_in_the_middle_it_leaves_nothing(
    environment: dict[str, str], end: signal.Signals
) -> None:
    with subprocess.Popen(DEMO, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        while "✓ nas" not in (line := demo.stdout.readline()):
            assert line, "the demo ended before its first device was up"
        demo.send_signal(end)
        rest = demo.stdout.read()
    assert demo.returncode == (-end if end == signal.SIGKILL else 130)
    assert "Traceback" not in rest


class Terminal:
    """A demo in a pseudo-terminal of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.fd, other_end = pty.openpty()
        self.demo = subprocess.Popen(
            ["setsid", "--ctty", *DEMO],
            stdin=other_end,
            stdout=other_end,
            stderr=other_end,
            env=environment,
        )
        os.close(other_end)
        self.seen = b""

    def read_until(self, text: bytes, within: float = DEMO_TIMEOUT_S) -> None:
        deadline = time.monotonic() + within
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen[-3000:].decode(errors="replace")
            if select.select([self.fd], [], [], 0.2)[0]:
                self.seen += os.read(self.fd, 65536)

    def exit_status(self, within: float = 20.0) -> int:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.fd, 65536)
                except OSError:  # the other side is closed
                    break
        os.close(self.fd)
        return self.demo.wait(within)


def test_in_a_terminal_the_live_view_opens_and_q_ends_it(environment: dict[str, str]) -> None:
    terminal = Terminal(environment)
    terminal.read_until(b"Opening the live view")
    terminal.read_until(b"\x1b[?1049h")  # the alternate screen
    terminal.read_until(b"nas")
    time.sleep(1)
    os.write(terminal.fd, b"q")
    assert terminal.exit_status() == 0, terminal.seen[-3000:]
    assert b"The demo's mesh is gone" in terminal.seen.rpartition(b"\x1b[?1049l")[2]


def test_a_terminated_live_view_gives_the_terminal_back(environment: dict[str, str]) -> None:
    terminal = Terminal(environment)
    terminal.read_until(b"\x1b[?1049h")
    terminal.demo.send_signal(signal.SIGTERM)
    assert terminal.exit_status() == 130
    assert b"interrupted" in terminal.seen.rpartition(b"\x1b[?1049l")[2]
