"""A machine of the lab: a namespace with network cards that are plugged into switches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from meshdht.lab.namespace import Namespace
from meshdht.lab.process import STOP_TIMEOUT_S, LabError

DEFAULT_ROUTES = {"32": "0.0.0.0/0", "128": "::/0"}  # by the prefix length of a lone address


@dataclass(frozen=True, slots=True)
class Switch:
    """An Ethernet segment: a bridge in the world's own network namespace. What is plugged into
    one that is ``far`` reaches the others through a distance alone."""

    name: str
    bridge: str
    far: bool = False

    def plug(self, port: str) -> list[str]:
        """The lines of ``ip`` that connect one end of a cable."""
        kind = [f"link set {port} type bridge_slave isolated on learning off"] if self.far else []
        return [f"link set {port} master {self.bridge}", *kind]


@dataclass(slots=True)
class Card:
    """One network card of a host. ``addresses`` and ``gateways`` are as ``ip`` takes them."""

    interface: str
    port: str  # the switch's end of the cable
    switch: Switch
    addresses: list[str] = field(default_factory=list)
    gateways: list[str] = field(default_factory=list)

    @property
    def ip(self) -> str:
        """The first address, without its prefix length."""
        return self.addresses[0].partition("/")[0]


class Host(Namespace):
    """A machine with its own network, processes, /run and /var/lib."""

    def __init__(self, name: str, world: Namespace) -> None:
        super().__init__(name, inside=world)
        self._world = world
        self.cards: list[Card] = []

    def attach(
        self,
        switch: Switch,
        *addresses: str,
        gateways: Sequence[str] = (),
        interface: str = "",
        mtu: int = 1500,
    ) -> Card:
        """Plug a new card into a switch, give it addresses (``192.0.2.1/24``, ``2001:db8::1/64``)
        and route the rest of the world through the gateways.

        An address that shares its network with no other (/32, /128) needs no gateway: the switch
        is then the internet, where everyone is reached and nobody is a neighbour.
        """
        number = len(self.cards)
        # Names of interfaces have at most 15 characters, so the port goes without the host's.
        card = Card(interface or f"eth{number}", f"p{self.pid}.{number}", switch)
        self._world.ip(
            f"link add {card.port} mtu {mtu} type veth "
            f"peer name {card.interface} mtu {mtu} netns {self.pid}",
            *switch.plug(card.port),
            f"link set {card.port} addrgenmode none up",
        )
        self.ip(f"link set {card.interface} up")
        self.cards.append(card)
        self.change_address(card, *addresses, gateways=gateways)
        return card

    def change_address(self, card: Card, *addresses: str, gateways: Sequence[str] = ()) -> None:
        """Take a card's addresses away and give it others at once, as a new DHCP lease would.

        Without ``gateways`` the routes stay as they were.
        """
        card.addresses = list(addresses)
        card.gateways = list(gateways) or card.gateways
        interface = card.interface
        self.ip(
            f"addr flush dev {interface} scope global",
            *(f"addr add {address} dev {interface}" for address in addresses),
            *(f"route replace default via {gateway} dev {interface}" for gateway in card.gateways),
            *(
                f"route replace {DEFAULT_ROUTES[length]} dev {interface}"
                for length in {address.partition("/")[2] for address in addresses}
                if length in DEFAULT_ROUTES
            ),
        )

    def move(
        self, card: Card, switch: Switch, *addresses: str, gateways: Sequence[str] = ()
    ) -> None:
        """Pull a card's cable and plug it into another switch, with addresses from there."""
        self._world.ip(f"link set {card.port} nomaster", *switch.plug(card.port))
        card.switch = switch
        self.change_address(card, *addresses, gateways=gateways)

    def kill_everything(self) -> None:
        """SIGKILL for every process of this machine, as a power cut does; returns once they are
        gone."""
        self.run(["sh", "-c", "kill -KILL -1"], timeout=STOP_TIMEOUT_S, check=False)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while left := self.processes():
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} still runs {left}")

    def processes(self) -> list[str]:
        """The command lines of what runs here, the holder and this question left out."""
        listing = self.run(["ps", "-e", "-o", "pid=,args="]).stdout.splitlines()
        lines = (line.split(maxsplit=1) for line in listing)
        return [line[1] for line in lines if line[0] != "1" and not line[1].startswith("ps -e ")]
