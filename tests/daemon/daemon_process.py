"""A real daemon process in a network namespace of its own, with its state in a test's folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from meshdht.api.launch import Create, Join, LaunchRequest, Run

HAS_TUN = os.geteuid() == 0 and Path("/dev/net/tun").exists()


def request_line(folder: Path, action: Create | Join | Run) -> bytes:
    request = LaunchRequest(
        action=action, state_dir=str(folder / "state"), runtime_dir=str(folder / "run")
    )
    return msgspec.json.encode(request) + b"\n"


@dataclass(slots=True)
class Daemon:
    """A daemon with reports on a pipe."""

    process: subprocess.Popen[bytes]
    reports: Any

    def report(self) -> dict[str, Any]:
        """The next Ready or Failed."""
        for line in self.reports:
            report: dict[str, Any] = json.loads(line)
            if report["type"] in ("ready", "failed"):
                return report
        raise AssertionError("the daemon ended without a last report")


@contextmanager
def daemon(folder: Path, action: Create | Join | Run) -> Iterator[Daemon]:
    """Start a daemon; it is killed at the end if it still runs."""
    reading, writing = os.pipe()
    request = json.loads(request_line(folder, action)) | {"report_fd": writing}
    command = ["unshare", "--net", sys.executable, "-m", "meshdht.daemon"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[writing],
    )
    os.close(writing)
    with open(reading, "rb") as reports, process:
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.close()
            yield Daemon(process, reports)
        finally:
            process.kill()
            process.wait()
