"""A home whose router opens ports, by real miniupnpd: what tests of it share."""

from __future__ import annotations

from dataclasses import dataclass
from subprocess import DEVNULL
from typing import Any

from meshdht.lab.device import Device
from meshdht.lab.host import Host, Switch
from meshdht.lab.router import LAN, Router
from meshdht.lab.world import World
from meshdht.paths.port_control import CLOCK_SLACK_S
from tests.lab.homes import COMMAND

# Reserved for nothing, as miniupnpd wants it.
WAN = "25.0.0.10"
PORT = 41820
# What the router does not answer, so that only one protocol is left.
SILENT_TO = {
    "PCP": ["udp dport 1900 drop"],
    "NAT-PMP": ["udp dport 5351 @th,64,8 2 drop", "udp dport 1900 drop"],
    "UPnP": ["udp dport 5351 drop"],
}

# A router whose time began so lately is not seen to have begun it anew: clocks may differ by this.
YOUNG_S = 2 * CLOCK_SLACK_S


@dataclass
class Home:
    """A NAS behind a router that opens ports."""

    world: World
    internet: Switch
    lan: Switch
    router: Router
    nas: Device

    def silence(self, protocol: str) -> None:
        """Let the router answer one protocol alone."""
        rules = "; ".join(f'iifname "{LAN}" {each}' for each in SILENT_TO[protocol])
        hook = "type filter hook prerouting priority raw;"
        table = f"table inet silent {{ chain silent {{ {hook} {rules}; }}; }}"
        self.router.run(["nft", table])

    def speak_version_1(self) -> None:
        """Let the router say that it is an InternetGatewayDevice of version 1."""
        say = "echo force_igd_desc_v1=yes >> /run/miniupnpd.conf"
        self.router.run(["sh", "-c", f"kill $(cat /run/miniupnpd.pid); {say}"])
        again = ["-d", "-f", "/run/miniupnpd.conf", "-P", "/run/again.pid"]
        self.router.popen(["miniupnpd", *again], stdout=DEVNULL, stderr=DEVNULL)

    def passes(self) -> list[str]:
        """The router's rules that pass something on to the inside."""
        chain = ["inet", "nat", "prerouting_miniupnpd"]
        listed = self.router.run(["nft", "list", "chain", *chain]).stdout
        return [line.strip() for line in listed.splitlines() if "dnat" in line]

    def holes(self) -> str:
        """What the router's firewall lets in."""
        chain = ["inet", "filter", "miniupnpd"]
        return self.router.run(["nft", "list", "chain", *chain]).stdout

    def neighbour(self) -> Host:
        """Another machine on the LAN."""
        host = self.world.host("neighbour")
        host.attach(self.lan, "192.168.1.3/24", gateways=["192.168.1.1"])
        return host


def home_behind_a_router(world: World) -> Home:
    internet, lan = world.switch("internet"), world.switch("lan")
    inside = ("192.168.1.1/24", "2001:db8:1::1/64")
    router = world.router("router", internet, f"{WAN}/32", lan, *inside, nat="upnp")
    host = world.host("nas")
    host.attach(lan, "192.168.1.2/24", gateways=["192.168.1.1"])
    return Home(world, internet, lan, router, Device(host, COMMAND))


def ports(device: Device) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = device.status()["router_ports"]
    return found


def is_mapped(device: Device, protocol: str, outer: str = f"{WAN}:{PORT}") -> bool:
    mapped = [(each["protocol"], each["outer"], each["public"]) for each in ports(device)]
    return (protocol, outer, True) in mapped
