"""How a daemon is started: one request on its stdin, its progress on a pipe.

The command line starts ``python -m meshdht.daemon`` and writes one ``LaunchRequest`` as a JSON line
to its stdin, so that an invite link is never in a process list. The daemon reports on the
descriptor ``report_fd``: ``Progress`` as it goes, ``Logging`` when its log has been opened, and at
last ``Ready`` or ``Failed``. Without a ``report_fd`` it runs in the foreground and the same reports
are lines on stderr.

The daemon's half:

    request = read_request()
    reporter = Reporter(request.report_fd)
    try:
        reporter.progress("reading the invite")
        reporter.log_to(state_dir / network / "daemon.log")
        ...
        reporter.ready(Ready(network=..., socket=..., device=..., addresses=...))
    except MeshdhtError as error:
        raise SystemExit(reporter.failed(error)) from None
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from meshdht.api.errors import ApiError
from meshdht.api.messages import encode_line
from meshdht.api.supervisor import Supervisor
from meshdht.api.version import API_VERSION

# The line comes from whoever starts the daemon; one without end would fill the memory.
REQUEST_BYTES_MAX = 64 * 1024


class Create(Struct, frozen=True, kw_only=True, tag="create"):
    """Make a new network with this device its first admin, and run it."""

    network: str
    name: str
    listen_port: int | None = None
    ipv4_range: str | None = None


class Join(Struct, frozen=True, kw_only=True, tag="join"):
    """Join by an invite link, and run. ``Ready`` comes once a peer is connected.

    ``name`` None leaves the choice to the invite, then to the host's name. ``network`` is what this
    device calls the network, None for the network's own name. ``patience_s`` is how long an admin's
    approval is waited for, where the invite wants it.
    """

    link: str
    name: str | None = None
    listen_port: int | None = None
    network: str | None = None
    patience_s: int = 3600

    def __repr__(self) -> str:
        return f"Join(link=<secret>, name={self.name!r}, network={self.network!r})"


class Run(Struct, frozen=True, kw_only=True, tag="run"):
    """Run a network that this device already belongs to."""

    network: str


class Anchor(Struct, frozen=True, kw_only=True, tag="anchor"):
    """Run the anchor that this machine calls ``name``; ``link`` None: the one it had last."""

    name: str
    link: str | None = None
    listen_port: int | None = None

    def __repr__(self) -> str:
        return f"Anchor(name={self.name!r}, link=<secret>)"


class Backup(Struct, frozen=True, kw_only=True, tag="backup"):
    """Write a network that is down to a new file, which a passphrase opens. ``Ready`` when done."""

    network: str
    file: str
    passphrase: str

    def __repr__(self) -> str:
        return f"Backup(network={self.network!r}, passphrase=<secret>)"


class Restore(Struct, frozen=True, kw_only=True, tag="restore"):
    """Make a network from such a file; ``network`` None: under the name that it had. ``Ready``
    when done."""

    file: str
    passphrase: str
    network: str | None = None

    def __repr__(self) -> str:
        return f"Restore(network={self.network!r}, passphrase=<secret>)"


class Tidy(Struct, frozen=True, kw_only=True, tag="tidy"):
    """Remove what the daemon of a network, or of an anchor, has left that was killed. Each thing
    that there was is a ``Progress``; ``Ready`` when done, and nothing runs."""

    name: str
    is_anchor: bool = False


Action = Create | Join | Run | Anchor | Backup | Restore | Tidy


class LaunchRequest(Struct, frozen=True, kw_only=True):
    """What to do, and where; directories are absolute."""

    action: Action
    state_dir: str
    runtime_dir: str
    report_fd: int | None = None


class Progress(Struct, frozen=True, tag="progress"):
    """What the daemon is doing now. It may take ``wait_s`` seconds, if that is longer than whoever
    started it would wait."""

    text: str
    wait_s: float = 0.0


class Logging(Struct, frozen=True, tag="logging"):
    """Where everything else that the daemon says goes from now on."""

    path: str


class Ready(Struct, frozen=True, kw_only=True, tag="ready"):
    """The network is up; for a Join, also connected. An anchor has no addresses, and its id for
    a device. After Backup, Restore and Tidy: it is done, and nothing
    runs."""

    network: str
    socket: str
    device: str
    addresses: tuple[str, ...]
    recovery_key: str | None = None
    """Of a network that was just made: makes an admin when all are lost. It is told this once."""

    def __repr__(self) -> str:
        return f"Ready(network={self.network!r}, device={self.device!r})"


class Founded(Struct, frozen=True, kw_only=True):
    """A network that was just made, for scripts."""

    version: int = API_VERSION
    network: str
    device: str
    addresses: tuple[str, ...]
    recovery_key: str


class Kept(Struct, frozen=True, kw_only=True):
    """A device that is in a backup now, or out of it, for scripts."""

    version: int = API_VERSION
    network: str
    device: str
    file: str


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """The daemon ends, and why."""

    message: str
    hint: str = ""
    exit_code: int = 1


Report = Progress | Logging | Ready | Failed

_REQUEST: msgspec.json.Decoder[LaunchRequest] = msgspec.json.Decoder(LaunchRequest)
_REPORT: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def decode_launch(line: bytes) -> LaunchRequest:
    """Read the request's line; the error never repeats the line, which may hold a link."""
    try:
        return _REQUEST.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ApiError(
            "the daemon was started without a request that it understands",
            "start it by meshdht up, or meshdht daemon to stay in the foreground",
            exit_code=2,
        ) from None


def decode_report(line: bytes) -> Report:
    """Read one of the daemon's reports; raises ApiError."""
    try:
        return _REPORT.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(f"the starting daemon's report cannot be read: {error}") from None


def read_request() -> LaunchRequest:
    """Take the request from stdin, which is /dev/null afterwards; raises ApiError."""
    request = decode_launch(sys.stdin.buffer.readline(REQUEST_BYTES_MAX))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return request


class Reporter:
    """Tells whoever started the daemon how it goes; one who has left is not missed."""

    def __init__(self, report_fd: int | None, supervisor: Supervisor | None = None) -> None:
        self._fd = report_fd
        self.supervisor = supervisor or Supervisor({})
        self._foreground = report_fd is None
        self._recovery_key: str | None = None
        self.is_ready = False
        """Whoever started the daemon has heard that it is up, and listens no more."""
        if report_fd is not None:
            os.set_inheritable(report_fd, False)

    def progress(self, text: str, wait_s: float = 0.0) -> None:
        """Say what is being done: a few words, no full stop, nothing secret."""
        self.supervisor.doing(text, wait_s)
        self._send(Progress(text, wait_s), text)

    def log_to(self, path: Path) -> None:
        """In the background, point stdout and stderr at the log; in the foreground they stay.

        Raises OSError when the log cannot be opened.
        """
        if self._foreground:
            return
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.close(log)
        self._send(Logging(os.fspath(path)), "")

    def keep_recovery_key(self, text: str) -> None:
        """Tell it with ``ready`` to who started the daemon in the background, and forget it."""
        self._recovery_key = text

    def ready(self, ready: Ready) -> None:
        """Say that the network is up, once; nothing can be reported after this."""
        if self.is_ready:
            return
        self.is_ready = True
        ready = replace(ready, recovery_key=self._recovery_key)
        self._recovery_key = None
        where = " ".join(ready.addresses)
        up = f"network {ready.network} is up as {ready.device}, {where}"
        up = up if where else f"anchor {ready.network} is up as {ready.device}"
        self.supervisor.ready(up)
        self._send(ready, up)
        self._finish()

    def failed(self, error: Exception) -> int:
        """Say why the daemon ends; returns the exit code to end with."""
        failed = Failed(
            message=str(getattr(error, "message", "")) or f"{type(error).__name__}: {error}",
            hint=str(getattr(error, "hint", "")),
            exit_code=int(getattr(error, "exit_code", 1)),
        )
        self.supervisor.doing(failed.message)
        hint = f"\n  try: {failed.hint}" if failed.hint else ""
        self._send(failed, failed.message + hint)
        self._finish()
        return failed.exit_code

    def _send(self, report: Report, text: str) -> None:
        if self._foreground:
            sys.stderr.write(f"meshdht: {text}\n")
            sys.stderr.flush()
        elif self._fd is not None:
            try:
                os.write(self._fd, encode_line(report))
            except OSError:
                self._finish()

    def _finish(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
