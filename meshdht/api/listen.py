"""The daemon's listening Unix socket: where it lies, who may open it, what was there before."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from meshdht.api.errors import ApiError, SocketInUse, operators_gid, path_too_long

SOCKET_MODE = 0o660
PATH_BYTES_MAX = 107
_BACKLOG = 64


def listening_socket(path: Path) -> socket.socket:
    """Bind and listen at ``path``, replacing a socket that nobody serves any more.

    Raises SocketInUse when somebody does, ApiError when the place cannot be used.
    """
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise path_too_long(path)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _clear_stale(path)
        return _bind(path)
    except OSError as error:
        raise ApiError(
            f"cannot listen at {path}: {error.strerror or error}",
            "start the daemon as root, or choose another --runtime-dir",
        ) from error


def _clear_stale(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ApiError(
            f"{path} is in the way: it is not a socket",
            "move it away, or choose another --runtime-dir",
        )
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except TimeoutError:
            pass
    raise SocketInUse(
        f"a daemon already serves network {path.stem!r}",
        "meshdht status shows it, meshdht down stops it",
    )


def _bind(path: Path) -> socket.socket:
    """The mode is set by the umask, so that the socket is never open to all for an instant."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        previous = os.umask(0o777 & ~SOCKET_MODE)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(previous)
        gid = operators_gid()
        if gid is not None and os.geteuid() == 0:
            os.chown(path, -1, gid)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
