"""Who may command the daemon, by the credentials that the kernel gives for a Unix socket."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from typing import NamedTuple, Protocol

from meshdht.api.errors import OPERATORS_GROUP, NoPermission, no_permission

_UCRED = struct.Struct("3i")  # unix(7) SO_PEERCRED: pid, uid, gid


class SocketLike(Protocol):
    """A socket, or asyncio's view of one."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes: ...


class Credentials(NamedTuple):
    """The process at the other end, as it was when it connected."""

    pid: int
    uid: int
    gid: int


def peer_credentials(connection: SocketLike) -> Credentials:
    """Read SO_PEERCRED; ``pid`` is 0 for a process of a PID namespace that is not visible."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return Credentials(*_UCRED.unpack(raw))


def operators_gid() -> int | None:
    """The id of the operators' group, or None where the machine has none."""
    try:
        return grp.getgrnam(OPERATORS_GROUP).gr_gid
    except KeyError:
        return None


def refusal(caller: Credentials) -> NoPermission | None:
    """None for root, the daemon's own user and operators; else what to tell the caller."""
    if caller.uid in (0, os.geteuid()):
        return None
    gid = operators_gid()
    if gid is not None and gid in _groups_of(caller):
        return None
    return no_permission(caller.uid)


def _groups_of(caller: Credentials) -> set[int]:
    try:
        name = pwd.getpwuid(caller.uid).pw_name
    except KeyError:
        return {caller.gid}
    return set(os.getgrouplist(name, caller.gid))
