"""The other sockets of a simulated machine: each has a port of its own, and stands for one far
end, as the daemon's do (meshdht/net/leg.py)."""

from __future__ import annotations

from collections.abc import Callable

from meshdht.endpoint import LOOPBACK, Endpoint
from simulations.network import Receive, Side

_FIRST_PORT = 50_000


class SimulatedLegs:
    """``heard(datagram, leg)`` is the port's receiver, ``heard_elsewhere(datagram, source)`` that
    for what comes from anybody but a leg's far end; ``sent(datagram)`` hears what spares send."""

    def __init__(
        self,
        side: Callable[[], Side],
        host: Callable[[], str],
        heard: Receive,
        heard_elsewhere: Receive,
        sent: Callable[[bytes], None],
    ) -> None:
        self.sent = sent
        self._side = side
        self._host = host
        self._heard = heard
        self._heard_elsewhere = heard_elsewhere
        self._open: dict[Endpoint, tuple[SimulatedSocket, Endpoint]] = {}
        self.sockets: set[SimulatedSocket] = set()
        self._next_port = _FIRST_PORT

    def open(self, far: Endpoint) -> Endpoint:
        outer = SimulatedSocket(self, self._side(), self._inner())
        leg = outer.join(far)
        outer.close()
        return leg

    def open_spare(
        self, welcome: Callable[[Endpoint], bool], opened: Callable[[Endpoint, Endpoint], None]
    ) -> SimulatedSocket:
        return SimulatedSocket(self, self._side(), self._inner(), welcome, opened)

    def _inner(self) -> Endpoint:
        return Endpoint(self._host(), self.draw_port())

    def draw_port(self) -> int:
        """One that nothing had before."""
        self._next_port += 1
        return self._next_port - 1

    def port(self, leg: Endpoint) -> int:
        return self._open[leg][0].inner.port

    def close(self, leg: Endpoint) -> None:
        if leg in self._open:
            outer, far = self._open.pop(leg)
            outer.part(far)

    def send(self, datagram: bytes, leg: Endpoint) -> None:
        """Send by a leg what was sent to it."""
        if leg in self._open:
            outer, far = self._open[leg]
            outer.pass_on(datagram, far)

    def close_all(self) -> None:
        """The machine is off."""
        for leg in list(self._open):
            self.close(leg)
        for outer in list(self.sockets):
            outer.close()

    def joined(self, leg: Endpoint, outer: SimulatedSocket, far: Endpoint) -> None:
        self._open[leg] = outer, far

    def heard(self, datagram: bytes, source: Endpoint, leg: Endpoint | None) -> None:
        """Something came to one of the sockets: for a leg, or for none."""
        if leg is not None:
            self._heard(datagram, leg)
        else:
            self._heard_elsewhere(datagram, source)

    def __len__(self) -> int:
        return len(self.sockets)


class SimulatedSocket:
    """One of them: of one leg, or a spare."""

    def __init__(
        self,
        legs: SimulatedLegs,
        side: Side,
        inner: Endpoint,
        welcome: Callable[[Endpoint], bool] = lambda far: False,
        opened: Callable[[Endpoint, Endpoint], None] = lambda leg, far: None,
    ) -> None:
        self._legs = legs
        self._side = side
        self.inner = inner
        self._welcome = welcome
        self._opened = opened
        self._is_held = True
        self._by_far: dict[Endpoint, Endpoint] = {}
        legs.sockets.add(self)
        side.attach(inner, self._receive)

    def join(self, far: Endpoint) -> Endpoint:
        """A leg to ``far`` by this socket."""
        leg = self._by_far[far] = Endpoint(LOOPBACK, self._legs.draw_port())
        self._legs.joined(leg, self, far)
        return leg

    def part(self, far: Endpoint) -> None:
        del self._by_far[far]
        self._close_if_unused()

    def send(self, datagram: bytes, far: Endpoint) -> None:
        self._legs.sent(datagram)
        self.pass_on(datagram, far)

    def pass_on(self, datagram: bytes, far: Endpoint) -> None:
        """Send what was sent to a leg."""
        self._side.send(datagram, self.inner, far)

    def close(self) -> None:
        self._is_held = False
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if not self._is_held and not self._by_far:
            self._legs.sockets.discard(self)
            self._side.detach(self.inner)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        leg = self._by_far.get(source)
        if leg is None and self._is_held and self._welcome(source):
            leg = self.join(source)
            self._opened(leg, source)
        self._legs.heard(datagram, source, leg)
