"""How large packets may be on the way out, and to each peer."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Machine, Running

NAME = "mtu"
# The smallest tunnel (1280, which IPv6 wants) and what WireGuard adds to a packet (80).
OUTER_MIN = 1280 + 80


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    small = {name: mtu for name, mtu in machine.ways_out.items() if mtu < OUTER_MIN}
    for name, mtu in small.items():
        message = f"{name} bears packets of {mtu} bytes: those of the tunnel go in fragments"
        fix = f"sudo ip link set {name} mtu {OUTER_MIN}"
        yield Finding(check=NAME, level="note", message=message, fix=fix)
    limited = running.status.peers if running is not None else ()
    for peer in limited:
        if peer.path.mtu is not None:
            message = f"the path to {peer.name} swallows packets over {peer.path.mtu} bytes"
            fix = f"meshdht path {peer.name}"
            yield Finding(check=NAME, level="note", message=message, fix=fix)
    if machine.ways_out and not small:
        ways = ", ".join(f"{name} {mtu}" for name, mtu in machine.ways_out.items())
        yield Finding(check=NAME, level="fine", message=f"packets are large enough: {ways}")
    elif not machine.ways_out:
        message = "no default route: this machine is on its own network only"
        yield Finding(check=NAME, level="note", message=message, fix="ip route")
