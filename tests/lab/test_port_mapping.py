"""Routers that open a port when asked, by real miniupnpd: who is behind one is reached directly."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest

from tests.lab.homes import behind_nat, eventually, path_leads_to, public
from tests.lab.port_home import PORT, SILENT_TO, WAN, YOUNG_S, Home, is_mapped, ports
from tests.lab.relays import configure, first_ping, kind_of, transfer

# A path that works, as the NAS sees it, is proved every half minute.
NOTICED_WITHIN_S = 150.0

# What the router says of itself, fetched from where upnpc found it.
DESCRIBE = (
    "url=$(upnpc -l | sed -n 's/^ desc: //p' | head -1);"
    f" {sys.executable} -c 'import sys, urllib.request as u;"
    " print(u.urlopen(sys.argv[1], timeout=5).read().decode())' $url"
)


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
