"""The command line's half of starting a daemon: spawn it, follow it, tidy up if it fails."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NoReturn

from msgspec.structs import replace

from meshdht.api.errors import ApiError
from meshdht.api.launch import (
    Failed,
    LaunchRequest,
    Logging,
    Progress,
    Ready,
    decode_report,
)
from meshdht.api.messages import encode_line

# -P: a directory named meshdht where the user happens to stand is not the daemon.
DAEMON_COMMAND = (sys.executable, "-P", "-m", "meshdht.daemon")
STOP_TIMEOUT_S = 10.0
_TAIL_BYTES = 4096


def launch(
    request: LaunchRequest,
    *,
    progress: Callable[[str], None],
    timeout_s: float,
    command: Sequence[str] | None = None,
) -> Ready:
    """Start a daemon in the background and wait until it is ready.

    Raises ApiError with the daemon's own words, or with the last line of its log if it died without
    a word. A daemon that is not ready in time, or whose start is interrupted, is stopped again.
    """
    read_end, write_end = os.pipe()
    with open(read_end, "rb", buffering=0) as reports, tempfile.TemporaryFile() as output:
        try:
            daemon = subprocess.Popen(
                command or DAEMON_COMMAND,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(write_end,),
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        patience = _Patience(timeout_s)
        start = _Start(daemon, output, patience)
        try:
            _hand_over(daemon, replace(request, report_fd=write_end))
            ready = start.follow(_lines(reports, patience), progress)
        except BaseException:
            start.stop()
            raise
        # The daemon lives on as nobody's child; this keeps Popen from complaining about it.
        daemon.returncode = 0
        return ready


def _hand_over(daemon: subprocess.Popen[bytes], request: LaunchRequest) -> None:
    assert daemon.stdin is not None
    with contextlib.suppress(BrokenPipeError), daemon.stdin as stdin:
        stdin.write(encode_line(request))


class _Patience:
    """How long a start may take; a daemon that waits for people asks for more."""

    def __init__(self, timeout_s: float) -> None:
        self._begun = time.monotonic()
        self.timeout_s = timeout_s

    def extend(self, wait_s: float) -> None:
        """From now on so long, and then what was granted at first."""
        if wait_s > 0:
            self.timeout_s += time.monotonic() - self._begun + wait_s

    @property
    def left_s(self) -> float:
        return self._begun + self.timeout_s - time.monotonic()


class _Start:
    """One daemon on its way up."""

    def __init__(
        self,
        daemon: subprocess.Popen[bytes],
        output: IO[bytes],
        patience: _Patience,
    ) -> None:
        self._daemon = daemon
        self._output = output
        self._patience = patience
        self._log: Path | None = None
        self._doing = "starting"

    def follow(self, lines: Iterator[bytes | None], progress: Callable[[str], None]) -> Ready:
        for line in lines:
            if line is None:
                waited = f"{self._patience.timeout_s:.0f} s"
                raise ApiError(
                    f"not ready after {waited}; the last step was: {self._doing}",
                    self._see_log()
                    or "is this machine busy? try again; join waits longer by --timeout",
                )
            match decode_report(line):
                case Ready() as ready:
                    return ready
                case Progress(text=text, wait_s=wait_s):
                    self._doing = text
                    self._patience.extend(wait_s)
                    progress(text)
                case Logging(path=path):
                    self._log = Path(path)
                case Failed() as failed:
                    self._daemon.wait()
                    raise ApiError(failed.message, failed.hint, failed.exit_code)
        self._died()

    def stop(self) -> None:
        """End the daemon and wait for it, so that it leaves nothing half made."""
        if self._daemon.poll() is None:
            self._daemon.terminate()
        try:
            self._daemon.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()

    def _died(self) -> NoReturn:
        code = self._daemon.wait()
        last = self._last_line()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise ApiError(
            f"the daemon ended while {self._doing} ({how})" + (f": {last}" if last else ""),
            self._see_log(),
        )

    def _see_log(self) -> str:
        return f"see {self._log}" if self._log else ""

    def _last_line(self) -> str:
        """The last thing the daemon said, in its log or before it had one."""
        for source in (self._log, self._output):
            if source is None:
                continue
            try:
                text = _tail(source) if isinstance(source, Path) else _tail_of(source)
            except OSError:
                continue
            lines = [line for line in text.splitlines() if line.strip()]
            if lines:
                return lines[-1].strip()
        return ""


def _tail(path: Path) -> str:
    with path.open("rb") as log:
        return _tail_of(log)


def _tail_of(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    return file.read().decode(errors="replace")


def _lines(pipe: IO[bytes], patience: _Patience) -> Iterator[bytes | None]:
    """Whole lines as they arrive; None once when patience ends; ends at end of file."""
    pending = b""
    while True:
        remaining = patience.left_s
        if remaining <= 0 or not select.select([pipe], [], [], remaining)[0]:
            yield None
            return
        chunk = pipe.read(65536)
        if not chunk:
            return
        *whole, pending = (pending + chunk).split(b"\n")
        yield from whole


def run_in_foreground(request: LaunchRequest) -> NoReturn:
    """Become the daemon: this process is replaced, so that signals and systemd reach it."""
    read_end, write_end = os.pipe()
    os.write(write_end, encode_line(request))
    os.close(write_end)
    os.dup2(read_end, 0)
    os.close(read_end)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(DAEMON_COMMAND[0], DAEMON_COMMAND)
