"""The TUN device, which meshdht's own WireGuard cannot do without."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Machine, Running

NAME = "tun"


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    if machine.tun == "usable":
        yield Finding(check=NAME, level="fine", message="/dev/net/tun can be used")
    elif _is_idle(machine, running):
        spare = f"/dev/net/tun is {machine.tun}; the kernel's WireGuard goes without it"
        yield Finding(check=NAME, level="fine", message=spare)
    elif machine.tun == "missing":
        message = "there is no /dev/net/tun (a container needs --device /dev/net/tun)"
        yield Finding(check=NAME, level="problem", message=message, fix="sudo modprobe tun")
    elif machine.uid:
        # For whom it may matter is root, which was not asked.
        return
    else:
        message = "/dev/net/tun may not be opened"
        fix = "sudo chmod 0666 /dev/net/tun"
        yield Finding(check=NAME, level="problem", message=message, fix=fix)


def _is_idle(machine: Machine, running: Running | None) -> bool:
    if running is not None:
        return running.status.engine == "kernel"
    return machine.wireguard != "absent" and machine.settings.engine != "embedded"
