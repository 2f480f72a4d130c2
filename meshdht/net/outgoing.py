"""From which of its addresses this machine sends to the world (ip(7)): routes, their metrics and
rules decide, and a change of these alone moves it as far as others see."""

from __future__ import annotations

import socket

# Addresses of nobody (RFC 5737, RFC 3849): no packet is sent, the kernel only looks the route up.
_FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def outgoing_addresses() -> tuple[str, ...]:
    """One of each family that leads anywhere."""
    return tuple(found for family, far in _FAR if (found := _source(family, far)) is not None)


def _source(family: socket.AddressFamily, far: str) -> str | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((far, 9))
            return str(sock.getsockname()[0])
    except OSError:
        return None
