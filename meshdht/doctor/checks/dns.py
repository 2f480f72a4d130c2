"""Names that the configuration uses."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Machine, Running

NAME = "dns"


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    for host, why in machine.unresolved.items():
        message = f"{host}, which config.toml names, has no address: {why}"
        yield Finding(check=NAME, level="problem", message=message, fix=f"getent ahosts {host}")
    if machine.unresolved:
        return
    if not machine.nameservers:
        message = "/etc/resolv.conf names no DNS server; meshdht itself needs none"
        yield Finding(check=NAME, level="note", message=message)
    elif machine.settings.hosts:
        count = len(machine.settings.hosts)
        message = f"{count} of {count} names in config.toml resolve"
        yield Finding(check=NAME, level="fine", message=message)
    else:
        servers = ", ".join(machine.nameservers)
        yield Finding(check=NAME, level="fine", message=f"DNS server: {servers}")
