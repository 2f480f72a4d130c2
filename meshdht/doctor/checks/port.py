"""The UDP port, which another program may have taken."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Machine, Running, port_of

NAME = "port"


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    port = port_of(machine, running)
    if running is not None:
        yield Finding(check=NAME, level="fine", message=f"the daemon listens on UDP port {port}")
    elif port not in machine.udp_ports:
        yield Finding(check=NAME, level="fine", message=f"UDP port {port} is free")
    else:
        asked = machine.settings.listen_port is not None
        message = f"UDP port {port} is taken by another program"
        yield Finding(
            check=NAME,
            level="problem" if asked else "note",
            message=message if asked else f"{message}; a new network takes another one",
            fix=f"sudo ss -lunp sport = :{port}",
        )
