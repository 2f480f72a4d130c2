"""Networks of their own for tests on sockets: nobody else has ports or hears multicast there."""

from __future__ import annotations

import ctypes
import os
import subprocess

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_left_for_good: list[int] = []


def leave() -> int | None:
    """Go with this thread to an empty network, whose loopback is down; needs root. The descriptor
    of the network before, or None where that is not allowed."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if _LIBC.unshare(_CLONE_NEWNET):
        os.close(before)
        return None
    return before


def come_back(before: int) -> None:
    """Go back to a network that was left."""
    try:
        assert _LIBC.setns(before, _CLONE_NEWNET) == 0
    finally:
        os.close(before)


def leave_for_good() -> None:
    """Go to a network of its own with all threads and processes that this thread starts from now
    on, if that is allowed."""
    before = leave()
    if before is not None:
        _left_for_good.append(before)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def outside() -> list[str]:
    """What to put before a command that needs the network of the machine, to fetch packages."""
    before = _left_for_good[:1]
    return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{before[0]}"] if before else []
