"""What the daemon complained of in its log, lately."""

from __future__ import annotations

import time
from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Log, Machine, Running

NAME = "log"
LATELY_S = 86400.0
_STAMP = "%Y-%m-%d %H:%M:%S"
_STAMP_LENGTH = 19
_MESSAGE_MAX = 200


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    if machine.log is None:
        return
    errors = _lately(machine.log, machine.unix, ("ERROR", "CRITICAL"))
    warnings = _lately(machine.log, machine.unix, ("WARNING",))
    fix = machine.log.command
    if errors:
        yield Finding(check=NAME, level="problem", message=_said("error", errors), fix=fix)
    if warnings:
        yield Finding(check=NAME, level="note", message=_said("warning", warnings), fix=fix)
    if not errors and not warnings:
        yield Finding(check=NAME, level="fine", message="no complaint in the log for a day")


def _lately(log: Log, now: float, levels: tuple[str, ...]) -> list[str]:
    """The messages of these levels, of the day before ``now``."""
    found = []
    for line in log.lines:
        stamp, rest = line[:_STAMP_LENGTH], line[_STAMP_LENGTH:].split(" ", 2)
        if len(rest) < 3 or rest[1] not in levels:
            continue
        try:
            at = time.mktime(time.strptime(stamp, _STAMP))
        except (ValueError, OverflowError):
            continue
        if at >= now - LATELY_S:
            found.append(rest[2].partition(": ")[2] or rest[2])
    return found


def _said(what: str, messages: list[str]) -> str:
    count = f"1 {what}" if len(messages) == 1 else f"{len(messages)} {what}s"
    return f"{count} in the log within a day, the last: {messages[-1][:_MESSAGE_MAX]}"
