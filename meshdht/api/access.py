"""Who may command the daemon, by the credentials that the kernel gives for a Unix socket.

Root may, the daemon's own user, and whose process is in the group of operators, whatever gave it
that group. The socket's own mode says the same, so that others mostly do not get here.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from typing import NamedTuple, Protocol

from meshdht.api.errors import NoPermission, no_permission, operators_gid

_UCRED = struct.Struct("3i")  # unix(7) SO_PEERCRED: pid, uid, gid
_GID = struct.Struct("I")
# <asm-generic/socket.h>; Python has no name for it.
_SO_PEERGROUPS = 59
# As much as Python reads of an option: 256 groups.
_GROUPS_BYTES_MAX = 1024


class SocketLike(Protocol):
    """A socket, or asyncio's view of one."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes: ...


class Credentials(NamedTuple):
    """The process at the other end, as it was when it connected."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    """Its supplementary groups."""


def peer_credentials(connection: SocketLike) -> Credentials:
    """Read SO_PEERCRED; ``pid`` is 0 for a process of a PID namespace that is not visible."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(raw)
    return Credentials(pid, uid, gid, _groups(connection, uid, gid))


def refusal(caller: Credentials) -> NoPermission | None:
    """None for root, the daemon's own user and operators; else what to tell the caller."""
    if caller.uid in (0, os.geteuid()):
        return None
    groups = caller.groups | {caller.gid}
    return None if operators_gid() in groups else no_permission(caller.uid, groups)


def _groups(connection: SocketLike, uid: int, gid: int) -> frozenset[int]:
    """Those that the process has; where it has more than can be read, those of its user."""
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES_MAX)
    except OSError:
        return groups_of_user(uid, gid)
    return frozenset(group for (group,) in _GID.iter_unpack(raw))


def groups_of_user(uid: int, gid: int) -> frozenset[int]:
    """What a new login of a user would have; ``gid`` is its first group."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return frozenset()
    return frozenset(os.getgrouplist(name, gid))
