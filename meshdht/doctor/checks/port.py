"""The UDP port, which another program may have taken."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Machine, Running, port_of

NAME = "port"


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    port = port_of(machine, running)
    if port is None:
        return
    if running is not None:
        yield Finding(check=NAME, level="fine", message=f"the daemon listens on UDP port {port}")
    elif port not in machine.udp_ports:
        yield Finding(check=NAME, level="fine", message=f"UDP port {port} is free")
    else:
        message = f"UDP port {port}, which config.toml asks for, is taken by another program"
        fix = f"sudo ss -lunp sport = :{port}"
        yield Finding(check=NAME, level="problem", message=message, fix=fix)
