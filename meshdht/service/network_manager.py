"""What NetworkManager is told of the tunnels' interfaces: to leave them alone.

By itself it makes a connection of each, which it shows, and which ends the tunnel's addresses if
somebody takes it down.
"""

from __future__ import annotations

from pathlib import Path

NAME = "50-meshdht.conf"
PACKAGED = Path("/usr/lib/NetworkManager/conf.d") / NAME
FILE = Path("/etc/NetworkManager/conf.d") / NAME
SERVICE = "NetworkManager.service"


def text() -> str:
    """NetworkManager.conf(5), DEVICE SECTION; it counts for interfaces that come later."""
    return """\
# Written by meshdht service install.
[device-meshdht]
match-device=interface-name:mesh-*
managed=0
"""


def tell() -> bool:
    """Put the file where NetworkManager reads it; returns whether there is one to be reloaded.
    Raises OSError."""
    if not FILE.parent.is_dir():
        return False
    if not PACKAGED.exists():
        FILE.write_text(text())
        FILE.chmod(0o644)
    return True


def forget() -> None:
    """Take it away again; raises OSError."""
    FILE.unlink(missing_ok=True)
