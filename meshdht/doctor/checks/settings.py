"""``config.toml``: a mistake in it keeps the daemon from starting."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Machine, Running

NAME = "config"


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    if machine.settings.trouble:
        yield Finding(check=NAME, level="problem", message=machine.settings.trouble)
