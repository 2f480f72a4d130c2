"""The other sockets of a simulated machine: each has a port of its own, and stands for one far
end, as the daemon's do (meshdht/net/leg.py)."""

from __future__ import annotations

from collections.abc import Callable

from meshdht.endpoint import LOOPBACK, Endpoint
from simulations.network import Receive, Side

_FIRST_PORT = 50_000


class SimulatedLegs:
    """``heard(datagram, leg)`` is the port's receiver, ``heard_elsewhere(datagram, source)`` that
    for what comes from anybody but a leg's far end."""

    def __init__(
        self,
        side: Callable[[], Side],
        host: Callable[[], str],
        heard: Receive,
        heard_elsewhere: Receive,
    ) -> None:
        self._side = side
        self._host = host
        self._heard = heard
        self._heard_elsewhere = heard_elsewhere
        self._open: dict[Endpoint, tuple[Side, Endpoint, Endpoint]] = {}
        self._next_port = _FIRST_PORT

    def open(self, far: Endpoint) -> Endpoint:
        port, self._next_port = self._next_port, self._next_port + 1
        leg, inner, side = Endpoint(LOOPBACK, port), Endpoint(self._host(), port), self._side()

        def receive(datagram: bytes, source: Endpoint) -> None:
            if source == far:
                self._heard(datagram, leg)
            else:
                self._heard_elsewhere(datagram, source)

        self._open[leg] = side, inner, far
        side.attach(inner, receive)
        return leg

    def port(self, leg: Endpoint) -> int:
        return leg.port

    def close(self, leg: Endpoint) -> None:
        if leg in self._open:
            side, inner, _ = self._open.pop(leg)
            side.detach(inner)

    def send(self, datagram: bytes, leg: Endpoint) -> None:
        """Send by a leg what was sent to it."""
        if leg in self._open:
            side, inner, far = self._open[leg]
            side.send(datagram, inner, far)

    def __len__(self) -> int:
        return len(self._open)
