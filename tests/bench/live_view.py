"""What the live view of 200 quiet peers costs, against a Textual application that does nothing.

    python -m tests.bench.live_view [seconds] [peers]

Both run in turn, each in a terminal of 100 by 30, and their processor time is counted after a
start of three seconds. Nothing happens in the network but that ages grow, half of them by the
second. The figures of a shared machine vary; the ratio of one call says most.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from msgspec.structs import replace

from tests.api.fake_daemon import LAPTOP, STATUS, serving, short_directory

START_S = 3.0
# A session in use is renewed every two minutes; in the first of them its age grows on the screen.
AGE_MAX_S = 120
IDLE = """
from textual.app import App
from textual.widgets import Static

class Idle(App):
    def compose(self):
        yield Static("idle")

Idle().run()
"""


def processor_share(command: list[str], seconds: float) -> float:
    """Processor time of the command in a terminal, per second of ``seconds`` after its start."""
    terminal, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, env=environment
    ) as process:
        os.close(inner)
        drain(terminal, START_S)
        before = processor_seconds(process.pid)
        drain(terminal, seconds)
        used = processor_seconds(process.pid) - before
        process.kill()
    os.close(terminal)
    return used / seconds


def drain(terminal: int, seconds: float) -> None:
    """Read what the program draws, or it would wait for somebody who does."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65536)


def processor_seconds(pid: int) -> float:
    """Of all its threads, to the nanosecond."""
    return sum(
        int(schedule.read_text().split()[0]) / 1e9
        for schedule in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    peers = tuple(
        replace(LAPTOP, id=f"{n:032}", name=f"box-{n:04}", handshake_age_s=n * 37.0 % AGE_MAX_S)
        for n in range(count)
    )
    with short_directory() as directory:
        socket = directory / "home.sock"
        with serving(socket, replace(STATUS, peers=peers)):
            view = [sys.executable, "-m", "meshdht", "--runtime-dir", str(directory), "tui"]
            ours = processor_share(view, seconds)
        idle = processor_share([sys.executable, "-c", IDLE], seconds)
    print(
        f"live view of {count} peers {ours:.2%} of a processor, idle Textual application"
        f" {idle:.2%}, ratio {ours / max(idle, 1e-4):.1f}"
    )


if __name__ == "__main__":
    main()
