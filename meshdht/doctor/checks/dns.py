"""Names: those that the configuration uses, and those of the mesh."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.api.name_messages import NamesStatus
from meshdht.doctor.machine import Machine, Running

NAME = "dns"


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    if running is not None:
        yield from _mesh_names(running.status.names)
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


def _mesh_names(names: NamesStatus) -> Iterator[Finding]:
    """Whether the programs of this machine find devices by their names."""
    if names.means == "off":
        return
    if names.means != "none":
        message = f"names in {names.zone} resolve, by {names.means}"
        yield Finding(check=NAME, level="fine", message=message)
        return
    why = names.trouble or f"nothing asks {names.server}"
    message = f"names in {names.zone} do not resolve on this machine: {why}"
    fix = "sudo apt-get install systemd-resolved" if names.server else "meshdht set dns=off"
    yield Finding(check=NAME, level="note", message=message, fix=fix)
