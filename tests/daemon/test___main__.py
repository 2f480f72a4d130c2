"""The daemon's entry point, as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from meshdht.api.launch import Run
from tests.daemon.daemon_process import request_line


def started(stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "meshdht.daemon"]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60)


@pytest.mark.parametrize("stdin", [b"", b"\n", b"{}\n", b'{"action": "secret-link"}\n', b"\xff\n"])
def test_without_a_request_it_says_how_it_is_started(stdin: bytes) -> None:
    done = started(stdin)
    assert done.returncode == 2
    assert b"meshdht up" in done.stderr
    assert b"secret-link" not in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_a_failure_is_two_lines_and_its_exit_code(tmp_path: Path) -> None:
    done = started(request_line(tmp_path, Run(network="home")))
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        "meshdht: no network 'home' on this machine",
        "  try: meshdht init founds one, meshdht join takes an invite link",
    ]
