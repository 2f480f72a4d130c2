"""All checks, in the order in which their findings are read."""

from __future__ import annotations

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.checks import (
    clock,
    dns,
    engine,
    firewall,
    log,
    mtu,
    port,
    reach,
    rights,
    settings,
    state,
    tun,
    versions,
)
from meshdht.doctor.machine import Check, Machine, Running

# What keeps the network from coming up, then what keeps others from it, then the rest.
CHECKS: tuple[Check, ...] = (
    rights.judge,
    engine.judge,
    tun.judge,
    settings.judge,
    state.judge,
    port.judge,
    firewall.judge,
    reach.judge,
    versions.judge,
    mtu.judge,
    dns.judge,
    clock.judge,
    log.judge,
)


def examine(machine: Machine, running: Running | None) -> tuple[Finding, ...]:
    """Every finding about a machine, and about the network's daemon if one runs."""
    return tuple(finding for check in CHECKS for finding in check(machine, running))
