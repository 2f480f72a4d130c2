"""What the daemon needs of its UDP port, whoever holds it."""

from __future__ import annotations

from typing import Protocol

from meshdht.endpoint import Endpoint
from meshdht.net.udp import PortCounters, Receiver
from meshdht.net.way_errors import WayErrors


class Port(Protocol):
    """The one UDP port of a network, which WireGuard and the control channel share."""

    port: int
    """The number in use."""
    on_stun: Receiver | None
    """Who gets STUN messages; nobody at first."""
    counters: PortCounters
    errors: WayErrors
    """Why what was sent did not arrive."""

    def start(self) -> None:
        """Read from now on, on the running loop."""

    def send(self, data: bytes, destination: Endpoint) -> None:
        """Send a datagram from the port; what cannot be sent is counted. Never raises."""

    def close(self) -> None:
        """Read no more. Closing again is harmless."""
