"""Networks of their own for tests on sockets: nobody else has ports or hears multicast there."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import time

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_SETTLED_WITHIN_S = 10.0
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


def ip(*commands: str) -> None:
    """Have ip do these, and return when each IPv6 address with ``nodad`` works. The kernel gives it
    its route from a queue of work, later than it says that the address is there."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), text=True, check=True)
    until = time.monotonic() + _SETTLED_WITHIN_S
    while missing := _ipv6_addresses() - _ipv6_routes():
        assert time.monotonic() < until, f"no route to {missing}"
        time.sleep(0.01)


def _ipv6_addresses() -> set[str]:
    said = subprocess.check_output(["ip", "-json", "-6", "address", "show", "up"])
    return {
        address["local"]
        for link in json.loads(said)
        if "LOWER_UP" in link.get("flags", ())
        for address in link.get("addr_info", ())
        if not address.get("tentative")  # it is still asked whether somebody else has it
    }


def _ipv6_routes() -> set[str]:
    command = ["ip", "-json", "-6", "route", "show", "table", "local", "type", "local"]
    return {route["dst"] for route in json.loads(subprocess.check_output(command))}
