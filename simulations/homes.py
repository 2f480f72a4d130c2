"""Where the devices of a person are: a home with several, two rented machines, three elsewhere.

Every ten devices are placed alike:

    5  a home: one LAN behind one NAT      address and port-dependent, forgets after 60 s
    2  on the internet: rented machines
    1  behind a NAT                        endpoint-independent, 30 s
    1  behind a NAT                        address-dependent, 120 s, renewed by inbound too
    1  behind a NAT                        symmetric, 300 s

All LANs use the same private addresses, as homes do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from meshdht.endpoint import Endpoint
from simulations.host import Host
from simulations.nat import Inside, Nat, NatKind
from simulations.network import DatagramNetwork
from simulations.world import PORT, Place, address

LAN = IPv4Network("192.168.1.0/24")
_TEN = 10
_HOME = 5


@dataclass(frozen=True, slots=True)
class _Router:
    kind: NatKind
    lifetime_s: float
    inbound_renews: bool = False


_HOME_ROUTER = _Router(NatKind.ADDRESS_AND_PORT_DEPENDENT, 60.0)
# By a device's last digit; those without are on the internet.
_ROUTERS = {
    7: _Router(NatKind.ENDPOINT_INDEPENDENT, 30.0),
    8: _Router(NatKind.ADDRESS_DEPENDENT, 120.0, inbound_renews=True),
    9: _Router(NatKind.SYMMETRIC, 300.0),
}
# Whose way in opens only to the very endpoint that was sent to: a symmetric NAT's outer endpoint
# towards us is not known before a packet of its has come in.
_STRICT = (NatKind.ADDRESS_AND_PORT_DEPENDENT, NatKind.SYMMETRIC)


class Homes:
    """The places of ``devices`` devices around one internet."""

    def __init__(self, network: DatagramNetwork, devices: int) -> None:
        self._network = network
        self._nats: dict[int, Nat] = {}
        """By the number of a device behind it."""
        self._sides: dict[str, Inside] = {}
        self.places: Sequence[Place] = [self._place(number) for number in range(devices)]

    def _place(self, number: int) -> Place:
        digit = number % _TEN
        router = _HOME_ROUTER if digit < _HOME else _ROUTERS.get(digit)
        if router is None:
            return Place()
        outer = address(number - digit if digit < _HOME else number)
        if outer not in self._sides:
            nat = Nat(
                outer,
                router.kind,
                lifetime_s=router.lifetime_s,
                inbound_renews=router.inbound_renews,
            )
            self._sides[outer] = Inside(self._network, nat)
        side = self._sides[outer]
        self._nats[number] = side.nat
        return Place(Endpoint(str(LAN[2 + digit]), PORT), side, [LAN])

    def can_be_direct(self, one: Host, other: Host) -> bool:
        """Whether two hosts can reach each other without a relay."""
        if one.side is other.side:
            return True
        nats = (self._nats.get(one.number), self._nats.get(other.number))
        kinds = [nat.kind for nat in nats if nat is not None]
        return not (NatKind.SYMMETRIC in kinds and sum(kind in _STRICT for kind in kinds) == 2)
