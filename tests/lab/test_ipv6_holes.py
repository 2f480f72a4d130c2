"""IPv6 behind a router, real miniupnpd: holes in its firewall, made when asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest

from meshdht.lab.device import Device
from meshdht.lab.process import PATIENCE
from meshdht.lab.router import LAN
from tests.lab.homes import COMMAND, behind_nat, eventually, path_leads_to
from tests.lab.port_home import PORT, YOUNG_S, Home, is_mapped
from tests.lab.relays import configure, first_ping, kind_of, transfer

# How nft shows 2001:db8:1::2 in the rule that lets it be reached.
IPV6_HOLE = "0x20010db8000100000000000000000002"

# What there is doubt about is asked for 5 s after it was asked for last.
LOOKED_AFTER_S = 8.0

# So often miniupnpd tells everybody that it is there.
TOLD_EVERY_S = 31.0

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 443), 4)"


def has_ipv6(home: Home, gateway: str = "2001:db8:1::1") -> None:
    home.nas.host.ip(
        "addr add 2001:db8:1::2/64 dev eth0 nodad",
        f"route add default via {gateway} dev eth0",
    )
    home.router.announce("2001:db8:1::2")


def given_back_by_pcp(frame: bytes) -> int:
    """The port of a PCP MAP request over IPv6 with lifetime 0 (RFC 6887, 11.1 and 15); 0 if the
    frame is none."""
    is_request = frame[12:14] == b"\x86\xdd" and frame[56:58] == (5351).to_bytes(2, "big")
    pcp = frame[62:]
    is_end = is_request and pcp[:2] == bytes([2, 1]) and pcp[4:8] == bytes(4)
    return int.from_bytes(pcp[40:42], "big") if is_end else 0


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
    has_ipv6(home)
    home.nas.init("home", "--listen-port", str(PORT))
    inside = f"[2001:db8:1::2]:{PORT}"
    assert eventually(lambda: is_mapped(home.nas, "PCP", inside)), home.nas.status()
    assert IPV6_HOLE in home.holes()
    time.sleep(YOUNG_S)
    # Its rules are gone when this returns; the daemon may have asked again by then.
    home.router.forget()
    assert eventually(lambda: IPV6_HOLE in home.holes())


@pytest.mark.parametrize("gateway", ["2001:db8:1::1", "fe80::"])
@pytest.mark.parametrize("protocol", ["PCP", "UPnP"])
def test_where_there_is_no_ipv4_a_router_that_has_lost_everything_is_asked_again_as_soon(
    home: Home, protocol: str, gateway: str, number: Callable[[str], None]
) -> None:
    home.nas.host.ip("addr del 192.168.1.2/24 dev eth0")
    has_ipv6(home, home.router.link_local(LAN) if gateway == "fe80::" else gateway)
    home.silence(protocol)
    home.nas.init("home", "--listen-port", str(PORT))
    inside = f"[2001:db8:1::2]:{PORT}"
    assert eventually(lambda: is_mapped(home.nas, protocol, inside)), home.nas.status()
    time.sleep(TOLD_EVERY_S if protocol == "PCP" else YOUNG_S)
    assert IPV6_HOLE in home.holes()
    home.router.run(["sh", "-c", "kill -9 $(cat /run/miniupnpd.pid)"])
    home.router.forget()
    started = time.monotonic()
    home.silence(protocol)
    assert eventually(lambda: IPV6_HOLE in home.holes())
    took = time.monotonic() - started
    number(f"asked again by {protocol} over IPv6 alone after a restart: {took:.1f} s")


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
    with home.world.capture(home.lan) as capture:
        home.nas.must("down")
        # miniupnpd 2.3.1 keeps a hole that was asked for twice by PCP, as by who did not wait for a
        # slow answer: there it is enough that all are given back.
        if protocol == "UPnP":
            assert eventually(lambda: IPV6_HOLE not in home.holes()), home.holes()
    given_back = {port for frame in capture.frames() if (port := given_back_by_pcp(frame))}
    if has_stream:
        assert given_back == {PORT, 443, *range(41900, 41908)}
    else:
        # What UPnP refuses PCP is asked for, in vain; who ends meanwhile takes the question back.
        assert given_back <= {443}
