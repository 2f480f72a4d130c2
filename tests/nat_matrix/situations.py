"""The situations, and a world that has a device in each of them.

Everything is plugged into one internet of 40 ms round trips. The homes all number their LANs
192.168.1.0/24, as homes do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from meshdht.lab.device import Device
from meshdht.lab.host import Switch
from meshdht.lab.router import Router
from meshdht.lab.world import World
from tests.nat_matrix.expectations import Nat, Place

COMMAND = [sys.executable, "-P", "-m", "meshdht"]
NETWORK = "matrix"
HELPER = "helper"
ONE_WAY_S = 0.02
PORTS_FROM = 30_000


@dataclass(slots=True)
class Placed:
    """A device where it is; ``router`` is its own, none of a carrier's. ``port`` is the one that
    its daemon is told to use, if any."""

    device: Device
    router: Router | None = None
    port: int | None = None

    @property
    def name(self) -> str:
        return self.device.name


class Internet:
    """The world while it is built: every device and router has a number of its own."""

    def __init__(self, world: World, loss: float = 0.0) -> None:
        self.world = world
        self.switch = world.switch("internet", delay_s=ONE_WAY_S, loss=loss)
        self.carriers: dict[str, Switch] = {}
        self.lans: dict[str, tuple[Switch, Router]] = {}
        self._numbers = iter(range(2, 250))

    def number(self) -> int:
        return next(self._numbers)

    def public(self, name: str, *, ipv4: bool = True) -> Placed:
        number = self.number()
        host = self.world.host(name)
        addresses = [f"198.51.100.{number}/32"] * ipv4 + [f"2001:db8::{number:x}/128"]
        host.attach(self.switch, *addresses)
        return Placed(Device(host, COMMAND))

    def home(self, name: str, nat: str, outside: Switch | None = None, *, lan: str = "") -> Placed:
        """Behind a router of its own, or on the LAN of that name behind the one router of all
        there. Inside ``outside``, a carrier's network, or else in the internet."""
        number = self.number()
        if lan in self.lans:
            switch, router = self.lans[lan]
        else:
            switch = self.world.switch(f"lan-{name}")
            router = self._router(f"router-{name}", nat, number, outside, switch)
            if lan:
                self.lans[lan] = switch, router
        host = self.world.host(name)
        host.attach(switch, f"192.168.1.{number}/24", gateways=["192.168.1.1"])
        # A carrier's NAT gives each customer's port one of its own (RFC 6888). Linux keeps them,
        # as long as they differ.
        port = None if outside is None else PORTS_FROM + number
        return Placed(Device(host, COMMAND), router, port)

    def _router(
        self, name: str, nat: str, number: int, outside: Switch | None, inside: Switch
    ) -> Router:
        if outside is None:  # what maps ports wants a WAN address that is reserved for nothing
            wan = f"25.0.0.{number}/32" if nat == "upnp" else f"203.0.113.{number}/32"
            return self.world.router(name, self.switch, wan, inside, "192.168.1.1/24", nat=nat)
        wan = f"100.64.0.{number}/24"
        router = self.world.router(name, outside, wan, inside, "192.168.1.1/24", nat=nat)
        router.change_address(router.cards[0], wan, gateways=["100.64.0.1"])
        return router

    def carrier(self, name: str, nat: str) -> Switch:
        """The inside of a provider's NAT, made once for each name."""
        if name not in self.carriers:
            inside = self.carriers[name] = self.world.switch(name)
            wan = f"203.0.113.{self.number()}/32"
            self.world.router(f"nat-{name}", self.switch, wan, inside, "100.64.0.1/24", nat=nat)
        return self.carriers[name]

    def firewalled(self, name: str) -> Placed:
        """A public IPv4 address that a router answers for and does not translate."""
        number = self.number()
        lan, host = self.world.switch(f"lan-{name}"), self.world.host(name)
        wan, gateway, address = f"203.0.113.{number}/32", f"25.0.{number}.1", f"25.0.{number}.2"
        router = self.world.router(
            f"router-{name}", self.switch, wan, lan, f"{gateway}/24", nat="firewall"
        )
        router.announce(address)
        host.attach(lan, f"{address}/24", gateways=[gateway])
        return Placed(Device(host, COMMAND), router)

    def dual_stack(self, name: str) -> Placed:
        """IPv4 behind a cone, and a public IPv6 address behind the same router's firewall."""
        number = self.number()
        lan, host = self.world.switch(f"lan-{name}"), self.world.host(name)
        wan, prefix = f"203.0.113.{number}/32", f"2001:db8:{number:x}:"
        inside = ("192.168.1.1/24", f"{prefix}:1/64")
        router = self.world.router(f"router-{name}", self.switch, wan, lan, *inside)
        router.announce(f"{prefix}:2")
        gateways = ["192.168.1.1", f"{prefix}:1"]
        host.attach(lan, f"192.168.1.{number}/24", f"{prefix}:2/64", gateways=gateways)
        return Placed(Device(host, COMMAND), router)


@dataclass(frozen=True, slots=True)
class Situation:
    """``put`` places a device of that name in it."""

    place: Place
    put: Callable[[Internet, str], Placed]


def _home(nat: str, lan: str = "") -> Callable[[Internet, str], Placed]:
    return lambda internet, name: internet.home(name, nat, lan=lan)


def _carried(nat: str, carrier: str, of_carrier: str) -> Callable[[Internet, str], Placed]:
    return lambda internet, name: internet.home(name, nat, internet.carrier(carrier, of_carrier))


CGNAT = Place(Nat.BY_PORT, carrier="carrier")
HAIRPIN = Place(Nat.BY_PORT, carrier="hairpin-carrier", hairpin=True)
LAN = Place(Nat.BY_PORT, lan="office")

SITUATIONS = {
    "public": Situation(Place(Nat.OPEN, ipv6=True), Internet.public),
    "firewall": Situation(Place(Nat.BY_PORT), Internet.firewalled),
    "full-cone": Situation(Place(Nat.OPEN), _home("full-cone")),
    "address-cone": Situation(Place(Nat.BY_ADDRESS), _home("address-restricted")),
    "port-cone": Situation(Place(Nat.BY_PORT), _home("port-restricted")),
    "symmetric": Situation(Place(Nat.SYMMETRIC), _home("symmetric")),
    "cone-in-sym": Situation(
        Place(Nat.SYMMETRIC), _carried("port-restricted", "symmetric-carrier", "symmetric")
    ),
    "sym-in-cone": Situation(
        Place(Nat.SYMMETRIC), _carried("symmetric", "cone-carrier", "port-restricted")
    ),
    "udp-blocked": Situation(Place(Nat.BY_PORT, udp=False), _home("udp-blocked")),
    "ipv6-only": Situation(
        Place(Nat.NONE, ipv6=True), lambda internet, name: internet.public(name, ipv4=False)
    ),
    "dual-stack": Situation(Place(Nat.BY_PORT, ipv6=True), Internet.dual_stack),
    "upnp": Situation(Place(Nat.OPEN), _home("upnp")),
    "lan-1": Situation(LAN, _home("port-restricted", lan="office")),
    "lan-2": Situation(LAN, _home("port-restricted", lan="office")),
    "cgnat-1": Situation(CGNAT, _carried("port-restricted", "carrier", "port-restricted")),
    "cgnat-2": Situation(CGNAT, _carried("port-restricted", "carrier", "port-restricted")),
    "hairpin-1": Situation(HAIRPIN, _carried("port-restricted", "hairpin-carrier", "hairpin")),
    "hairpin-2": Situation(HAIRPIN, _carried("port-restricted", "hairpin-carrier", "hairpin")),
}


def populate(
    internet: Internet, names: Iterable[str], say: Callable[[str], None]
) -> tuple[Device, dict[str, Placed], dict[str, str]]:
    """The helper, which makes the network; the devices that joined it; why others could not."""
    helper = internet.public(HELPER).device
    helper.init(NETWORK)
    placed, refused = {}, {}
    for name in names:
        each = SITUATIONS[name].put(internet, name)
        link = helper.invite(name)
        port = [] if each.port is None else ["--listen-port", str(each.port)]
        joined = each.device.meshdht("join", "--link-file", "-", *port, input=link)
        if joined.returncode:
            refused[name] = joined.stderr.strip().splitlines()[-1]
            say(f"{name} could not join: {refused[name]}")
        else:
            placed[name] = each
            say(f"{name} has joined")
    return helper, placed, refused
