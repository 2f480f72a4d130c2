"""Commands inside a namespace: started, waited for and signalled, always within a bound of time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypedDict, Unpack

# How many times longer everything may take: for machines much slower than the usual ones, as an
# emulated one is.
PATIENCE = float(os.environ.get("MESHDHT_LAB_PATIENCE", "1"))

COMMAND_TIMEOUT_S = 30.0
FORK_TIMEOUT_S = 5.0 * PATIENCE
STOP_TIMEOUT_S = 5.0 * PATIENCE
WAKE_S = 1.0


class LabError(Exception):
    """The lab cannot do what was asked: ``message`` says what, ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CommandFailed(LabError):
    """A command inside the lab exited with another status than 0, or took too long."""


class ProcessOptions(TypedDict, total=False):
    """How a command starts; without a word it reads nothing and its output is piped."""

    stdin: int | IO[str] | IO[bytes] | None
    stdout: int | IO[str] | IO[bytes] | None
    stderr: int | IO[str] | IO[bytes] | None
    env: Mapping[str, str]  # added to this process's own
    start_new_session: bool  # False only for what needs this terminal


def child_of(parent: int) -> int | None:
    """The process id of the first child of ``parent``, or None.

    A scan, because not every kernel offers ``/proc/PID/task/TID/children``.
    """
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _stat(int(entry.name))[1:2] == [str(parent)]:
            return int(entry.name)
    return None


def state_of(process: int) -> str:
    """The letter that proc(5) has for it, ``T`` if it was stopped; empty if there is none."""
    return "".join(_stat(process)[:1])


def wake(nsenter: subprocess.Popen[Any]) -> None:
    """Continue nsenter, which stops itself when its command was stopped, and hears of nobody who
    continues the command alone: where all processes are stopped and continued, say."""
    if nsenter.poll() is not None or state_of(nsenter.pid) != "T":
        return
    child = child_of(nsenter.pid)
    if child is None or state_of(child) != "T":
        with contextlib.suppress(ProcessLookupError):
            nsenter.send_signal(signal.SIGCONT)


def _stat(process: int) -> list[str]:
    """The fields of proc(5) from the state on; none of a process that is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


class Process:
    """A command in a namespace. ``popen`` is that of nsenter, which waits outside for it."""

    def __init__(self, argv: Sequence[str], **options: Unpack[ProcessOptions]) -> None:
        self._argv = list(argv)
        self.popen = subprocess.Popen(
            argv,
            stdin=options.get("stdin", subprocess.DEVNULL),
            stdout=options.get("stdout", subprocess.PIPE),
            stderr=options.get("stderr", subprocess.PIPE),
            env={**os.environ, **options.get("env", {})},
            start_new_session=options.get("start_new_session", True),
            text=True,
            errors="replace",
        )

    def signal(self, number: signal.Signals) -> None:
        """Signal the command itself; nothing happens when it has ended already."""
        deadline = time.monotonic() + FORK_TIMEOUT_S
        while self.popen.poll() is None and time.monotonic() < deadline:
            child = child_of(self.popen.pid)
            if child is not None:  # nsenter has forked
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, number)
                return
            time.sleep(0.002)

    def complete(
        self, input: str | None = None, timeout: float = COMMAND_TIMEOUT_S
    ) -> subprocess.CompletedProcess[str]:
        """Wait for the end, whatever the status; CommandFailed if it takes longer."""
        timeout *= PATIENCE
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            try:
                stdout, stderr = self.popen.communicate(input, min(left, WAKE_S))
                break
            except subprocess.TimeoutExpired:
                wake(self.popen)
                input = None  # communicate has taken it
                if left <= WAKE_S:
                    self.stop(grace=0)
                    raise CommandFailed(f"{self.command} took more than {timeout:g} s") from None
        return subprocess.CompletedProcess(
            self.popen.args, self.popen.returncode, stdout or "", stderr or ""
        )

    def check(self, result: subprocess.CompletedProcess[str]) -> None:
        """Raise CommandFailed unless the command exited with 0."""
        if result.returncode:
            raise CommandFailed(
                f"{self.command} exited with {result.returncode}: {result.stdout}{result.stderr}"
            )

    def stop(self, grace: float = STOP_TIMEOUT_S) -> int:
        """End the command: SIGTERM, and SIGKILL after ``grace`` seconds. Returns its status."""
        if grace:
            self.signal(signal.SIGTERM)
            wake(self.popen)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(grace)
        self.signal(signal.SIGKILL)
        wake(self.popen)
        status = self.popen.wait(STOP_TIMEOUT_S)
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream is not None:
                stream.close()
        return status

    @property
    def command(self) -> str:
        """The command line without the nsenter part, for messages."""
        return " ".join(self._argv[self._argv.index("--") + 1 :])
