"""Routers that open a port when asked, by real miniupnpd: who is behind one is reached directly."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import DEVNULL
from typing import Any

import pytest

from meshdht.lab.device import Device
from meshdht.lab.host import Host, Switch
from meshdht.lab.process import PATIENCE
from meshdht.lab.router import LAN, Router
from meshdht.lab.world import World
from meshdht.paths.port_control import CLOCK_SLACK_S
from tests.lab.homes import COMMAND, behind_nat, eventually, path_leads_to, public
from tests.lab.relays import configure, first_ping, kind_of, transfer

# Reserved for nothing, as miniupnpd wants it.
WAN = "25.0.0.10"
PORT = 41820
# How nft shows 2001:db8:1::2 in the rule that lets it be reached.
IPV6_HOLE = "0x20010db8000100000000000000000002"
# A path that works, as the NAS sees it, is proved every half minute.
NOTICED_WITHIN_S = 150.0

# What there is doubt about is asked for 5 s after it was asked for last.
LOOKED_AFTER_S = 8.0

# What the router does not answer, so that only one protocol is left.
SILENT_TO = {
    "PCP": ["udp dport 1900 drop"],
    "NAT-PMP": ["udp dport 5351 @th,64,8 2 drop", "udp dport 1900 drop"],
    "UPnP": ["udp dport 5351 drop"],
}

# What the router says of itself, fetched from where upnpc found it.
DESCRIBE = (
    "url=$(upnpc -l | sed -n 's/^ desc: //p' | head -1);"
    f" {sys.executable} -c 'import sys, urllib.request as u;"
    " print(u.urlopen(sys.argv[1], timeout=5).read().decode())' $url"
)


CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 443), 4)"

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


@pytest.fixture
def home(world: World) -> Home:
    internet, lan = world.switch("internet"), world.switch("lan")
    inside = ("192.168.1.1/24", "2001:db8:1::1/64")
    router = world.router("router", internet, f"{WAN}/32", lan, *inside, nat="upnp")
    host = world.host("nas")
    host.attach(lan, "192.168.1.2/24", gateways=["192.168.1.1"])
    return Home(world, internet, lan, router, Device(host, COMMAND))


def has_ipv6(home: Home, gateway: str = "2001:db8:1::1") -> None:
    home.nas.host.ip(
        "addr add 2001:db8:1::2/64 dev eth0 nodad",
        f"route add default via {gateway} dev eth0",
    )
    home.router.announce("2001:db8:1::2")


def ports(device: Device) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = device.status()["router_ports"]
    return found


def is_mapped(device: Device, protocol: str, outer: str = f"{WAN}:{PORT}") -> bool:
    mapped = [(each["protocol"], each["outer"], each["public"]) for each in ports(device)]
    return (protocol, outer, True) in mapped


@pytest.mark.parametrize("protocol", sorted(SILENT_TO))
def test_a_device_behind_a_symmetric_nat_reaches_another_by_the_port_that_its_router_opened(
    home: Home, protocol: str
) -> None:
    home.silence(protocol)
    home.nas.init("home", "--listen-port", str(PORT))
    assert eventually(lambda: is_mapped(home.nas, protocol)), home.nas.status()
    outer = f"{WAN}:{PORT}"
    assert f"outside {outer} by {protocol}" in home.nas.must("status")

    laptop = behind_nat(home.world, home.internet, "laptop", 20, "symmetric")
    laptop.join(home.nas.invite("laptop"))
    assert laptop.reaches(home.nas.addresses()[0]) is not None
    assert eventually(lambda: path_leads_to(laptop, "nas", outer))
    assert laptop.peer("nas")["path"]["kind"] == "direct"

    home.nas.must("down")
    assert eventually(lambda: home.passes() == [])


@pytest.mark.parametrize("version", [1, 2])
def test_the_tools_of_others_show_what_upnp_mapped_and_withdrew(home: Home, version: int) -> None:
    if version == 1:
        home.speak_version_1()
    home.silence("UPnP")
    home.nas.init("home", "--listen-port", str(PORT))
    assert eventually(lambda: is_mapped(home.nas, "UPnP")), home.nas.status()
    listing = ["timeout", "5", "upnpc", "-l"]
    assert f"UDP {PORT}->192.168.1.2:{PORT}" in home.nas.host.run(listing, check=False).stdout
    described = home.nas.host.run(["sh", "-c", DESCRIBE]).stdout
    assert f"WANIPConnection:{version}<" in described
    home.nas.must("down")
    assert eventually(lambda: str(PORT) not in home.nas.host.run(listing, check=False).stdout)


@pytest.mark.parametrize("protocol", sorted(SILENT_TO))
def test_a_port_that_another_machine_has_is_left_to_it(home: Home, protocol: str) -> None:
    neighbour = home.neighbour()
    asking = ["timeout", "5", "upnpc", "-a", "192.168.1.3", *[str(PORT)] * 2, "UDP", "3600"]
    # The router may be starting.
    assert eventually(lambda: bool(neighbour.run(asking, check=False) and home.passes()))
    [taken] = home.passes()
    home.silence(protocol)
    home.nas.init("home", "--listen-port", str(PORT))
    assert eventually(lambda: ports(home.nas)[0]["protocol"] == protocol), home.nas.status()
    assert ports(home.nas)[0]["outer"] not in (None, f"{WAN}:{PORT}")
    rules = home.passes()
    assert taken in rules
    assert len(rules) == 2
    home.nas.must("down")
    assert eventually(lambda: home.passes() == [taken])


@pytest.mark.parametrize(
    ("protocol", "is_crash"),
    [("NAT-PMP", False), ("PCP", False), ("UPnP", False), ("UPnP", True)],
)
def test_a_router_that_has_lost_everything_is_asked_again_within_seconds(
    home: Home, protocol: str, is_crash: bool, number: Callable[[str], None]
) -> None:
    home.silence(protocol)
    # What announces the others is not heard.
    deaf_to = 5350 if protocol == "UPnP" else 1900
    hook = "type filter hook input priority filter;"
    deaf = f"table inet deaf {{ chain deaf {{ {hook} udp dport {deaf_to} drop; }}; }}"
    home.nas.host.run(["nft", deaf])
    home.nas.init("home", "--listen-port", str(PORT))
    assert eventually(lambda: is_mapped(home.nas, protocol)), home.nas.status()
    time.sleep(YOUNG_S)
    if is_crash:
        # It says no goodbye, and its description lies where it did.
        home.router.run(["sh", "-c", "kill -9 $(cat /run/miniupnpd.pid)"])
    home.router.forget()
    started = time.monotonic()
    home.silence(protocol)
    assert eventually(lambda: len(home.passes()) == 1)
    number(f"asked again by {protocol} after a restart: {time.monotonic() - started:.1f} s")


@pytest.mark.timeout(300)
def test_another_outer_address_is_noticed_because_others_see_it(home: Home) -> None:
    home.silence("UPnP")
    home.nas.init("home", "--listen-port", str(PORT))
    assert eventually(lambda: is_mapped(home.nas, "UPnP")), home.nas.status()
    laptop = public(home.world, home.internet, "laptop", 20)
    laptop.join(home.nas.invite("laptop"))
    laptops_address = laptop.addresses()[0]
    home.router.change_outside("25.0.0.77/32")
    home.silence("UPnP")

    def is_noticed() -> bool:
        home.nas.reaches(laptops_address)
        return is_mapped(home.nas, "UPnP", f"25.0.0.77:{PORT}")

    assert eventually(is_noticed, NOTICED_WITHIN_S)


def test_a_device_that_crashed_gets_its_port_back(home: Home) -> None:
    home.silence("PCP")
    home.nas.init("home", "--listen-port", str(PORT))
    assert eventually(lambda: is_mapped(home.nas, "PCP")), home.nas.status()
    home.nas.host.kill_everything()
    assert len(home.passes()) == 1
    home.nas.must("up")
    assert eventually(lambda: is_mapped(home.nas, "PCP")), home.nas.status()
    assert len(home.passes()) == 1


# The gateway's address of the default route: a router that announces itself has a link-local one.
@pytest.mark.parametrize(
    ("protocol", "gateway"),
    [("PCP", "2001:db8:1::1"), ("UPnP", "2001:db8:1::1"), ("PCP", "fe80::"), ("UPnP", "fe80::")],
)
def test_a_router_lets_ipv6_in(home: Home, protocol: str, gateway: str) -> None:
    """The laptop has no IPv4, and the first word between the two is its own."""
    if gateway == "fe80::":
        gateway = home.router.link_local(LAN)
    has_ipv6(home, gateway)
    home.silence(protocol)
    home.nas.init("home", "--listen-port", str(PORT))
    inside = f"[2001:db8:1::2]:{PORT}"
    assert eventually(lambda: is_mapped(home.nas, protocol, inside)), home.nas.status()
    host = home.world.host("laptop")
    host.attach(home.internet, "2001:db8::20/128")
    laptop = Device(host, COMMAND)
    laptop.join(home.nas.invite("laptop"))
    assert laptop.reaches(home.nas.addresses()[1]) is not None
    assert eventually(lambda: path_leads_to(laptop, "nas", inside))
    home.nas.must("down")
    assert eventually(lambda: IPV6_HOLE not in home.holes()), home.holes()


def test_a_hole_that_upnp_made_is_renewed_and_withdrawn_all_the_same(home: Home) -> None:
    has_ipv6(home)
    home.silence("UPnP")
    home.nas.init("home", "--listen-port", str(PORT))
    inside = f"[2001:db8:1::2]:{PORT}"
    assert eventually(lambda: is_mapped(home.nas, "UPnP", inside)), home.nas.status()
    assert IPV6_HOLE in home.holes()
    with home.world.capture(home.lan) as capture:
        # Another address is a reason to look after what there is.
        home.nas.host.ip("addr add 192.168.1.77/24 dev eth0")
        time.sleep(LOOKED_AFTER_S * PATIENCE)
    assert any(b"#UpdatePinhole" in each for each in capture.frames())
    assert IPV6_HOLE in home.holes()
    home.nas.must("down")
    assert eventually(lambda: IPV6_HOLE not in home.holes()), home.holes()


def test_a_router_that_has_lost_everything_is_asked_for_ipv6_as_well(home: Home) -> None:
    """miniupnpd announces itself in IPv4 alone."""
    has_ipv6(home)
    home.nas.init("home", "--listen-port", str(PORT))
    inside = f"[2001:db8:1::2]:{PORT}"
    assert eventually(lambda: is_mapped(home.nas, "PCP", inside)), home.nas.status()
    assert IPV6_HOLE in home.holes()
    time.sleep(YOUNG_S)
    # Its rules are gone when this returns; the daemon may have asked again by then.
    home.router.forget()
    assert eventually(lambda: IPV6_HOLE in home.holes())


def test_who_is_told_to_leave_the_router_alone_does(home: Home) -> None:
    home.nas.init("home", "--listen-port", str(PORT))
    assert eventually(lambda: is_mapped(home.nas, "PCP")), home.nas.status()
    home.nas.must("down")
    configuration = "/var/lib/meshdht/home/config.toml"
    home.nas.host.run(["tee", configuration], input="port_mapping = false\n")
    with home.world.capture(home.lan) as capture:
        home.nas.must("up")
        assert home.nas.status()["router_ports"] == []
    for port in (5351, 1900):
        assert not any(port.to_bytes(2, "big") in frame[34:38] for frame in capture.frames())
    assert home.passes() == []


def stream_passes(home: Home) -> bool:
    return any("0x6 th dport 443 dnat" in rule for rule in home.passes())


@pytest.mark.parametrize("protocol", sorted(SILENT_TO))
def test_a_relay_at_home_is_one_for_others_by_the_ports_that_its_router_opened(
    home: Home, protocol: str, number: Callable[[str], None]
) -> None:
    home.silence(protocol)
    home.nas.init("home", "--listen-port", str(PORT))
    home.nas.must("down")
    configure(home.nas, 'relay = "on"')
    home.nas.must("up")
    assert eventually(lambda: home.nas.status()["relay"]["router_ports"] == 8), home.passes()
    assert eventually(lambda: stream_passes(home)), home.passes()
    # The main one, those that are lent, and TCP.
    assert len(home.passes()) == 10
    assert "8 ports of the router" in home.nas.must("status")
    laptop, phone = (
        behind_nat(home.world, home.internet, name, host, "symmetric")
        for name, host in (("laptop", 20), ("phone", 21))
    )
    for device in (laptop, phone):
        device.join(home.nas.invite(device.name))
    took = first_ping(laptop, phone)
    number(f"first ping by a relay at home, {protocol}: {took:.2f} s")
    assert eventually(lambda: kind_of(laptop, "phone") == ("relay", "nas"))
    endpoint = laptop.peer("phone")["path"]["endpoint"]
    outside, _, port = endpoint.rpartition(":")
    assert outside == WAN
    assert int(port) in range(41900, 41908)
    assert transfer(laptop, phone) > 0

    # Who is cut off from UDP joins and is reached by the TCP port.
    office = behind_nat(home.world, home.internet, "office", 22, "udp-blocked")
    office.join(home.nas.invite("office"))
    assert office.reaches(home.nas.addresses()[0]) is not None
    assert office.reaches(phone.addresses()[0]) is not None
    assert f"by TLS to {WAN}:443" in office.must("status")
    home.nas.must("down")
    assert eventually(lambda: home.passes() == [])


@pytest.mark.parametrize("protocol", ["PCP", "UPnP"])
def test_a_relay_at_home_is_one_for_ipv6_by_the_holes_that_its_router_made(
    home: Home, protocol: str
) -> None:
    """Two that have no family of addresses in common meet there."""
    has_ipv6(home)
    home.silence(protocol)
    home.nas.init("home", "--listen-port", str(PORT))
    home.nas.must("down")
    configure(home.nas, 'relay = "on"')
    home.nas.must("up")
    # The main one, those that are lent, and TCP 443; by UPnP miniupnpd makes none below 1024.
    has_stream = protocol == "PCP"
    assert eventually(lambda: home.holes().count(IPV6_HOLE) == 9 + has_stream), home.holes()
    assert eventually(lambda: home.nas.status()["relay"]["router_ports"] == 8)
    host = home.world.host("laptop")
    host.attach(home.internet, "2001:db8::20/128")
    laptop = Device(host, COMMAND)
    phone = behind_nat(home.world, home.internet, "phone", 21, "symmetric")
    for device in (laptop, phone):
        device.join(home.nas.invite(device.name))
    first_ping(laptop, phone)
    assert eventually(lambda: kind_of(laptop, "phone") == ("relay", "nas"))
    outside, _, port = laptop.peer("phone")["path"]["endpoint"].rpartition(":")
    assert outside == "[2001:db8:1::2]"
    assert int(port) in range(41900, 41908)
    assert transfer(laptop, phone) > 0

    connects = [sys.executable, "-c", CONNECT, "2001:db8:1::2"]
    assert (host.run(connects, check=False).returncode == 0) == has_stream
    home.nas.must("down")
    # The older miniupnpd keeps what was renewed by PCP; nothing was, here.
    assert eventually(lambda: IPV6_HOLE not in home.holes()), home.holes()


def test_an_anchor_at_home_gets_its_port_too(home: Home) -> None:
    nas = public(home.world, home.internet, "admin", 2)
    nas.init("home", "--listen-port", str(PORT))
    box = home.nas
    link = nas.must("anchor", "link", "--name", "box")
    assert box.meshdht("anchor", "up", "--link-file", "-", input=link).returncode == 0
    outer = f"{WAN}:{PORT}"
    assert eventually(lambda: outer in box.must("anchor", "status"))
    [port, *_] = box.json("anchor", "status")["router_ports"]
    assert (port["outer"], port["protocol"]) == (outer, "PCP")
    assert eventually(lambda: box.json("anchor", "status")["relay"]["router_ports"] == 8)
    box.must("anchor", "down")
    assert eventually(lambda: home.passes() == [])
