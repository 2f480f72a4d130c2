"""Ports that a simulated machine lends as a relay."""

from __future__ import annotations

from collections.abc import Callable

from meshdht.endpoint import Endpoint
from meshdht.node.relay_host import RelayHost
from simulations.network import Side

FIRST_PORT = 42000


class SimulatedPorts:
    """Implements ``Ports`` at one address of a network."""

    def __init__(
        self, side: Side, address: Callable[[], str], relay: RelayHost, size: int = 8
    ) -> None:
        self._side = side
        self._address = address
        self._relay = relay
        self._free = list(range(FIRST_PORT, FIRST_PORT + size))
        self._ends: dict[int, dict[Endpoint, Endpoint]] = {}
        self.forwarded = 0

    def open(self) -> int | None:
        if not self._free:
            return None
        port = self._free.pop(0)
        self._ends[port] = {}

        def receive(datagram: bytes, source: Endpoint) -> None:
            self._received(port, datagram, source)

        self._side.attach(Endpoint(self._address(), port), receive)
        return port

    def _received(self, port: int, datagram: bytes, source: Endpoint) -> None:
        to = self._ends[port].get(source)
        if to is None:
            self._relay.received_at(port, datagram, source)
            return
        self.forwarded += 1
        self.send(port, datagram, to)

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None:
        self._ends[port] = {one: other, other: one}

    def part(self, port: int) -> None:
        self._ends[port] = {}

    def close(self, port: int) -> None:
        self._side.detach(Endpoint(self._address(), port))
        del self._ends[port]
        self._free.append(port)

    def send(self, port: int, datagram: bytes, to: Endpoint) -> None:
        self._side.send(datagram, Endpoint(self._address(), port), to)

    def die(self) -> None:
        """The relay's machine is off."""
        for port in list(self._ends):
            self.close(port)


def lend(machine: object, side: Side, relay: RelayHost, host: str, size: int = 8) -> SimulatedPorts:
    """Have a device or an anchor at an address relay for whoever asks."""
    ports = SimulatedPorts(side, lambda: host, relay, size)
    relay.lend(ports, lambda: True)
    return ports
