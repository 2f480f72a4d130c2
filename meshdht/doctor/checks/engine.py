"""Which WireGuard carries the traffic, and whether a faster one could."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Machine, Running

NAME = "engine"


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    if running is not None and running.status.engine_trouble:
        trouble = f"no traffic is carried: {running.status.engine_trouble}"
        again = "sudo meshdht down && sudo meshdht up"
        yield Finding(check=NAME, level="problem", message=trouble, fix=again)
    if running is not None and running.status.engine == "kernel":
        yield Finding(check=NAME, level="fine", message="WireGuard in the kernel carries traffic")
    elif machine.settings.engine == "embedded":
        chosen = 'meshdht\'s own WireGuard, since config.toml says engine = "embedded"'
        yield Finding(check=NAME, level="fine", message=chosen)
    elif machine.wireguard == "absent":
        yield _absent(machine)
    elif running is not None:
        why = f"meshdht's own WireGuard carries the traffic: {running.status.engine_reason}"
        load = "sudo modprobe wireguard && sudo meshdht down && sudo meshdht up"
        yield Finding(check=NAME, level="note", message=why, fix=load)
    else:
        yield Finding(check=NAME, level="fine", message="this kernel has WireGuard")


def _absent(machine: Machine) -> Finding:
    what = f"kernel {machine.kernel} has no WireGuard"
    if machine.settings.engine == "kernel":
        message = f'{what}, and config.toml says engine = "kernel"'
        return Finding(check=NAME, level="problem", message=message)
    message = f"{what}: meshdht's own carries the traffic, with more work for the processor"
    return Finding(check=NAME, level="note", message=message)
