"""The same tests over either engine: the kernel's where the kernel has WireGuard (``tests/vm``)."""

from __future__ import annotations

import pytest

from meshdht.lab.device import Device

BOTH_ENGINES = pytest.mark.parametrize(
    "engine", ["embedded", pytest.param("kernel", marks=pytest.mark.vm)]
)


def choose(device: Device, engine: str, network: str = "home") -> Device:
    """Say which engine, before there is a network."""
    script = 'mkdir -p "$1" && echo "engine = \\"$0\\"" >"$1/config.toml"'
    device.host.run(["sh", "-c", script, engine, f"/var/lib/meshdht/{network}"])
    return device
