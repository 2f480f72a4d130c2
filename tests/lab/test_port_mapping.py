"""Routers that open a port when asked, by real miniupnpd: who is behind one is reached directly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from meshdht.lab.device import Device
from meshdht.lab.router import LAN, Router
from meshdht.lab.world import World
from tests.lab.homes import COMMAND, behind_nat, eventually, path_leads_to

# Reserved for nothing, as miniupnpd wants it.
WAN = "25.0.0.10"
PORT = 41820

# What the router does not answer, so that only one protocol is left.
SILENT_TO = {
    "PCP": "udp dport 1900 drop",
    "NAT-PMP": "udp dport 5351 @th,64,8 2 drop; udp dport 1900 drop",
    "UPnP": "udp dport 5351 drop",
}


@dataclass
class Home:
    """A NAS behind a router that opens ports, and a laptop elsewhere behind a symmetric NAT."""

    router: Router
    nas: Device
    laptop: Device

    def passes(self) -> list[str]:
        """The router's rules that pass something on to the NAS."""
        chain = "inet nat prerouting_miniupnpd"
        listed = self.router.run(["nft", "list", "chain", *chain.split()]).stdout
        return [line.strip() for line in listed.splitlines() if "dnat" in line]


def home(world: World, protocol: str) -> Home:
    internet, lan = world.switch("internet"), world.switch("lan")
    router = world.router("router", internet, f"{WAN}/32", lan, "192.168.1.1/24", nat="upnp")
    rules = "; ".join(f'iifname "{LAN}" {each}' for each in SILENT_TO[protocol].split("; "))
    hook = "type filter hook prerouting priority raw;"
    table = f"table inet silent {{ chain silent {{ {hook} {rules}; }}; }}"
    router.run(["nft", table])
    host = world.host("nas")
    host.attach(lan, "192.168.1.2/24", gateways=["192.168.1.1"])
    laptop = behind_nat(world, internet, "laptop", 20, "symmetric")
    return Home(router, Device(host, COMMAND), laptop)


def router_port(device: Device) -> dict[str, Any]:
    ports: list[dict[str, Any]] = device.status()["router_ports"]
    return ports[0] if ports else {}


def is_mapped(device: Device, protocol: str) -> bool:
    port = router_port(device)
    return port.get("protocol") == protocol and port.get("public") is True


@pytest.mark.parametrize("protocol", sorted(SILENT_TO))
def test_a_device_behind_a_symmetric_nat_reaches_another_by_the_port_that_its_router_opened(
    world: World, protocol: str
) -> None:
    at = home(world, protocol)
    at.nas.init("home")
    assert eventually(lambda: is_mapped(at.nas, protocol)), at.nas.status()
    outer = router_port(at.nas)["outer"]
    assert outer == f"{WAN}:{PORT}"
    assert f"outside {outer} by {protocol}" in at.nas.must("status")

    at.laptop.join(at.nas.invite("laptop"))
    assert at.laptop.reaches(at.nas.addresses()[0]) is not None
    assert eventually(lambda: path_leads_to(at.laptop, "nas", outer))
    assert at.laptop.peer("nas")["path"]["kind"] == "direct"

    at.nas.must("down")
    assert at.passes() == []
