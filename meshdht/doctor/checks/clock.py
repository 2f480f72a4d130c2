"""The clock: records and invites are dated."""

from __future__ import annotations

import time
from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding, Level
from meshdht.doctor.machine import Machine, Running

NAME = "clock"
# Nothing of this program is older (2026-01-01).
EARLIEST = 1_767_225_600
FIX = "sudo timedatectl set-ntp true"


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    warnings = running.status.clocks if running is not None else ()
    for warning in warnings:
        # Another device's is mended over there.
        fix = FIX if warning.this_device else f"ssh {warning.device} {FIX}"
        level: Level = "problem" if warning.this_device else "note"
        yield Finding(check=NAME, level=level, message=warning.message, fix=fix)
    if any(warning.this_device for warning in warnings):
        return
    if machine.unix < EARLIEST:
        day = time.strftime("%Y-%m-%d", time.gmtime(machine.unix))
        message = f"the clock says {day}, which is past"
        yield Finding(check=NAME, level="problem", message=message, fix=FIX)
    elif machine.clock_is_set is False:
        message = "nothing keeps the clock right"
        yield Finding(check=NAME, level="note", message=message, fix=FIX)
    elif machine.clock_is_set:
        yield Finding(check=NAME, level="fine", message="the clock is kept right")
    else:
        message = "whether anything keeps the clock right is not known here"
        yield Finding(check=NAME, level="unknown", message=message)
