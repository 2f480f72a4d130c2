"""The rights to make a network interface."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Machine, Running

NAME = "rights"
# capabilities(7)
CAP_NET_ADMIN, CAP_NET_RAW = 12, 13


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    if machine.capabilities >> CAP_NET_ADMIN & 1:
        if machine.capabilities >> CAP_NET_RAW & 1:
            message = "this process may make network interfaces"
            yield Finding(check=NAME, level="fine", message=message)
        else:
            message = "CAP_NET_RAW is missing: WireGuard in the kernel cannot be used"
            yield Finding(check=NAME, level="note", message=message)
    elif machine.uid:
        message = "some things can only be looked at by root"
        yield Finding(check=NAME, level="unknown", message=message, fix="sudo meshdht doctor")
    else:
        message = (
            "root lacks CAP_NET_ADMIN, so that no interface can be made"
            " (a container needs --cap-add NET_ADMIN)"
        )
        yield Finding(check=NAME, level="problem", message=message)
