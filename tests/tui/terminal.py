"""A process in a terminal of its own, and what it says there."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Terminal:
    """``said`` grows while the process runs; ``started`` is when it began, on the clock of
    ``time.perf_counter``."""

    process: subprocess.Popen[bytes]
    ours: int
    started: float
    said: bytearray = field(default_factory=bytearray)

    def read(self) -> None:
        """As terminals do, until the other side is closed."""
        with contextlib.suppress(OSError):
            while chunk := os.read(self.ours, 65536):
                self.said += chunk

    def until(self, words: bytes, within_s: float = 60.0) -> float:
        """Seconds from the start until the words were said."""
        while words not in self.said:
            passed = time.perf_counter() - self.started
            assert passed < within_s, f"{words!r} was not said: {bytes(self.said[-2000:])!r}"
            time.sleep(0.002)
        return time.perf_counter() - self.started

    def type(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def cpu_s(self) -> float:
        """Processor seconds that the process has used."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def terminal(command: Sequence[str], columns: int = 100, lines: int = 30) -> Iterator[Terminal]:
    """Run a command in a terminal of this size, and end it after."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment |= {"COLUMNS": str(columns), "LINES": str(lines)}
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True
    )
    os.close(theirs)
    found = Terminal(process, ours, started)
    reader = threading.Thread(target=found.read, daemon=True)
    reader.start()
    try:
        yield found
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        os.close(ours)
