"""Errors of the local API, each with the line that tells the user what to do."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

OPERATORS_GROUP = "meshdht"


class ApiError(Exception):
    """``message`` says what is wrong, ``hint`` what to do, ``exit_code`` what a script sees."""

    def __init__(self, message: str, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


class NoDaemon(ApiError):
    """Nothing listens on the socket."""


class NoPermission(ApiError):
    """The socket is there and this user may not use it."""


class Disconnected(ApiError):
    """The daemon closed the connection in the middle of an answer."""


class SocketInUse(ApiError):
    """Another daemon listens where this one wants to."""


def connect_error(path: Path, error: OSError) -> ApiError:
    """What a failed connect to the socket at ``path`` means, and the way out."""
    network = path.stem
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)):
        return NoDaemon(
            f"network {network!r} is not up", as_root(f"meshdht up --network {network}")
        )
    if isinstance(error, PermissionError):
        return no_permission(os.geteuid(), {os.getegid(), *os.getgroups()}, is_shut=True)
    return ApiError(f"cannot reach the daemon at {path}: {error.strerror or error}")


def no_permission(uid: int, groups: Collection[int], *, is_shut: bool = False) -> NoPermission:
    """The refusal of a user whose process is in ``groups``, and what it lacks.

    ``is_shut``: by the socket itself, which has the group that there was when the daemon started.
    """
    user, gid = user_name(uid), operators_gid()
    restart = "sudo meshdht down && sudo meshdht up"
    join = f"sudo usermod -aG {OPERATORS_GROUP} {user}"
    if gid is None:
        todo = f"sudo groupadd {OPERATORS_GROUP} && {join} && {restart}; then log in again"
    elif gid in groups and is_shut:
        return NoPermission(
            f"user {user} is in the group {OPERATORS_GROUP}, and the daemon does not know it yet",
            restart,
        )
    elif _is_operator(user):
        return NoPermission(
            f"user {user} is in the group {OPERATORS_GROUP}, and this session is from before that",
            f"log in again, or: newgrp {OPERATORS_GROUP}",
        )
    else:
        todo = f"{join}; then log in again"
    return NoPermission(
        f"user {user} may not talk to the daemon: it is not in the group {OPERATORS_GROUP}",
        f"use sudo, or let {user} operate meshdht: {todo}",
    )


def operators_gid() -> int | None:
    """The id of the operators' group, or None where the machine has none."""
    import grp

    try:
        return grp.getgrnam(OPERATORS_GROUP).gr_gid
    except KeyError:
        return None


def _is_operator(user: str) -> bool:
    """Whether a new session of the user would have the group."""
    import grp

    return user in grp.getgrnam(OPERATORS_GROUP).gr_mem


def path_too_long(path: Path) -> ApiError:
    """Unix sockets have short paths (unix(7): 108 bytes with the final zero)."""
    return ApiError(
        f"the socket's path is too long for the system: {path}",
        "choose a shorter --runtime-dir",
        exit_code=2,
    )


def as_root(command: str) -> str:
    """The command as this user has to type it."""
    return command if os.geteuid() == 0 else f"sudo {command}"


def user_name(uid: int) -> str:
    """The user's name, or the number where there is none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
