"""Machines and daemons to judge."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Check, Machine, Running
from tests.api.fake_daemon import NETCHECK, STATUS

WELL = Machine(unix=1_790_000_000.0, kernel="6.1", ways_out={"eth0": 1500})


def running(*, netcheck: dict[str, Any] | None = None, **status: Any) -> Running:
    """The fake daemon's view of its network, but for what is named."""
    return Running(replace(STATUS, **status), replace(NETCHECK, **(netcheck or {})))


def judged(check: Check, machine: Machine = WELL, daemon: Running | None = None) -> list[Finding]:
    return list(check(machine, daemon))


def only(check: Check, machine: Machine = WELL, daemon: Running | None = None) -> Finding:
    """The one finding of a check."""
    [finding] = judged(check, machine, daemon)
    return finding
