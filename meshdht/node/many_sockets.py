"""Hard and easy side of what paths/birthday.py describes, each for all peers at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    BIRTHDAY_ENTRIES_EASY,
    BIRTHDAY_ENTRIES_HARD,
    BIRTHDAY_SOCKETS,
    BIRTHDAY_TRIES,
    BIRTHDAY_TRIES_ONE_WITNESS,
)
from meshdht.node.beyond import Beyond
from meshdht.node.control import ControlPort
from meshdht.node.ports import Spare, WaysOut
from meshdht.node.sightings import Seen
from meshdht.paths.birthday import PortLot, Volley

# A leg that was made is closed if its peer does not answer by then.
PROVE_S = 10.0
# No other is made to the same peer meanwhile, unless this one has not answered within this.
ALONE_S = 2.0


class Side(Protocol):
    """What both sides have in common."""

    volley: Volley[DeviceId]

    def begin(self, device: DeviceId, seen: Seen, now: float) -> None: ...

    def fire(self, now: float) -> None:
        """Send what is due by now, to whomever."""
        ...

    def end(self, device: DeviceId) -> bool:
        """Whether all was sent to it that may be."""
        ...


class ManySockets:
    """The hard side: one set of sockets, each of which sends to the outer endpoint of each peer. A
    socket that hears one of them is a leg to it; ``opened(leg, far)`` and ``closed(leg)`` hear of
    legs."""

    def __init__(
        self,
        beyond: Beyond,
        ways: WaysOut,
        opened: Callable[[Endpoint, Endpoint], None],
        closed: Callable[[Endpoint], None],
        control: ControlPort,
        counters: Counter[str],
    ) -> None:
        self._beyond = beyond
        self._ways = ways
        self._opened = opened
        self._closed = closed
        self._control = control
        self._counters = counters
        self.volley: Volley[DeviceId] = Volley(BIRTHDAY_ENTRIES_HARD)
        self._spares: list[Spare] = []
        self._fars: dict[Endpoint, tuple[DeviceId, float]] = {}
        """Of those that are to be met: whose, and since when."""
        self._legs: dict[Endpoint, tuple[DeviceId, float]] = {}
        """Those in use: to whom, and since when."""

    def begin(self, device: DeviceId, seen: Seen, now: float) -> None:
        self._fars[seen.endpoint] = device, now
        self.volley.begin(device, now, BIRTHDAY_SOCKETS)

    def fire(self, now: float) -> None:
        fars = {device: far for far, (device, _) in self._fars.items()}
        # One datagram does for all sockets: two of which hardly ever meet the peer.
        sealed: dict[DeviceId, bytes | None] = {}
        for device, number in self.volley.due(now):
            far, spare = fars.get(device), self._spare(number)
            if far is None or spare is None:
                continue
            if device not in sealed:
                sealed[device] = self._beyond.probe_beside(device, far)
            datagram = sealed[device]
            if datagram is not None:
                spare.send(datagram, far)
                self._counters["sent_by_sockets"] += 1

    def _spare(self, number: int) -> Spare | None:
        if number == len(self._spares):
            spare = self._ways.open_spare(self._is_welcome, self._met)
            if spare is None:
                return None
            self._spares.append(spare)
            self._counters["sockets"] += 1
        return self._spares[number] if number < len(self._spares) else None

    def _is_welcome(self, far: Endpoint) -> bool:
        if far not in self._fars or self._beyond.is_direct_since(*self._fars[far]):
            return False
        # One that was made just now is as good: two would have to be held open.
        device, young = self._fars[far][0], self._control.clock.monotonic() - ALONE_S
        return not any(to == device and since > young for to, since in self._legs.values())

    def _met(self, leg: Endpoint, far: Endpoint) -> None:
        self._legs[leg] = self._fars[far][0], self._control.clock.monotonic()
        self._opened(leg, far)

    def end(self, device: DeviceId) -> bool:
        complete = self.volley.end(device)
        self._fars = {far: each for far, each in self._fars.items() if each[0] != device}
        if not self.volley:
            for spare in self._spares:
                spare.close()
            self._spares.clear()
        return complete

    def close_dead(self, now: float) -> None:
        """Let go of legs that lead to nobody, or to nobody any more."""
        for leg, (device, since) in list(self._legs.items()):
            if now - since >= PROVE_S and not self._beyond.is_alive(device, leg):
                del self._legs[leg]
                self._ways.close(leg)
                self._closed(leg)


class ManyTries:
    """The easy side: probes to ports of each peer's address."""

    def __init__(self, beyond: Beyond, control: ControlPort, counters: Counter[str]) -> None:
        self._beyond = beyond
        self._control = control
        self._counters = counters
        self.volley: Volley[DeviceId] = Volley(BIRTHDAY_ENTRIES_EASY)
        self._lots: dict[DeviceId, PortLot] = {}

    def begin(self, device: DeviceId, seen: Seen, now: float) -> None:
        self._lots[device] = PortLot(self._control.entropy, seen.endpoint.host, seen.ports)
        most = BIRTHDAY_TRIES if seen.is_sure else BIRTHDAY_TRIES_ONE_WITNESS
        self.volley.begin(device, now, most)

    def is_aimed_at(self, host: str) -> bool:
        """Whether there is an attempt at this address."""
        return any(lot.host == host for lot in self._lots.values())

    def fire(self, now: float) -> None:
        for device, _ in self.volley.due(now):
            self._beyond.probe(device, self._lots[device].draw())
            self._counters["tries"] += 1

    def end(self, device: DeviceId) -> bool:
        self._lots.pop(device, None)
        return self.volley.end(device)
