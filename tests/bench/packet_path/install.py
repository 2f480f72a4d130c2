"""The Debian packages of the tunnels to compare with, installed without starting a service."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

PACKAGES = {
    "wireguard-go": "wireguard-go",
    "wg": "wireguard-tools",
    "nebula": "nebula",
    "tincd": "tinc",
    "yggdrasil": "yggdrasil",
    "iperf3": "iperf3",
}
POLICY = Path("/usr/sbin/policy-rc.d")
FORBIDS = "#!/bin/sh\nexit 101\n"  # what invoke-rc.d takes for: do not start it


def missing() -> list[str]:
    """The packages whose program is not there."""
    return [package for program, package in PACKAGES.items() if shutil.which(program) is None]


def versions() -> list[str]:
    """Name and version of each package that is installed."""
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\n"]
    said = subprocess.run([*query, *PACKAGES.values()], check=False, capture_output=True, text=True)
    return [line for line in said.stdout.splitlines() if not line.endswith(" ")]


def packages(names: Sequence[str]) -> None:
    """Install them. A package's service is neither started nor left for the next boot."""
    if not names:
        return
    apt = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *names]
    forbidden = not POLICY.exists()
    if forbidden:
        POLICY.write_text(FORBIDS)
        POLICY.chmod(0o755)
    try:
        subprocess.run(apt, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if forbidden:
            POLICY.unlink()
    if shutil.which("systemctl"):
        for name in names:
            subprocess.run(["systemctl", "disable", name], check=False, capture_output=True)
