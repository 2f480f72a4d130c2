"""Where a network lets no UDP out: real daemons that go by TLS on TCP 443."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from subprocess import DEVNULL

import pytest

from meshdht.lab.device import Device
from meshdht.lab.host import Switch
from meshdht.lab.world import World
from tests.lab.homes import behind_nat, eventually, everyone_reaches_everyone, public
from tests.lab.relays import kind_of, offers, transfer


@pytest.fixture
def internet(world: World) -> Switch:
    return world.switch("internet")


def serves(device: Device) -> bool:
    """Whether somebody listens on TCP 443."""
    return bool(device.host.run(["ss", "-Hltn", "sport = :443"]).stdout)


def serving(world: World, internet: Switch) -> Device:
    """A member in public, that others can come to by streams."""
    vps = public(world, internet, "vps", 2)
    vps.init("home")
    nas = behind_nat(world, internet, "nas", 10)
    nas.join(vps.invite("nas"))
    assert eventually(lambda: offers(vps) and serves(vps))
    return vps


def test_a_device_behind_a_network_that_blocks_udp_joins_and_is_reached(
    world: World, internet: Switch, number: Callable[[str], None]
) -> None:
    vps = serving(world, internet)
    laptop = behind_nat(world, internet, "laptop", 11, "udp-blocked")
    started = time.monotonic()
    laptop.join(vps.invite("laptop"))
    number(f"joined where UDP is blocked: {time.monotonic() - started:.1f} s")
    assert laptop.reaches(vps.addresses()[0]) is not None
    nas = Device(world.hosts["nas"], vps.command)
    started = time.monotonic()
    assert laptop.reaches(nas.addresses()[0]) is not None
    number(f"first ping to another behind a NAT: {time.monotonic() - started:.2f} s")
    everyone_reaches_everyone(vps, nas, laptop)
    assert eventually(lambda: kind_of(laptop, "nas") == ("relay", "vps"))
    said = laptop.must("status")
    assert "UDP is blocked here: by TLS to 203.0.113.2:443" in said
    assert "direct 203.0.113.2:443 by TLS" in said
    assert "relay vps by TLS" in said
    assert "direct 203.0.113.11" in vps.must("status")
    number(f"from behind TLS to the server: {transfer(laptop, vps):.0f} Mbit/s")
    number(f"from behind TLS by the relay: {transfer(laptop, nas):.0f} Mbit/s")


def test_the_second_device_of_all_joins_where_udp_is_blocked(
    world: World, internet: Switch
) -> None:
    vps = public(world, internet, "vps", 2)
    vps.init("home")
    laptop = behind_nat(world, internet, "laptop", 11, "udp-blocked")
    laptop.join(vps.invite("laptop"))
    assert laptop.reaches(vps.addresses()[0]) is not None


def test_a_device_whose_network_begins_to_block_udp_goes_on_and_goes_back(
    world: World, internet: Switch, number: Callable[[str], None]
) -> None:
    vps = serving(world, internet)
    laptop = behind_nat(world, internet, "laptop", 11)
    laptop.join(vps.invite("laptop"))
    address = vps.addresses()[0]
    assert laptop.reaches(address) is not None
    office = world.switch("office")
    world.router(
        "office-router", internet, "203.0.113.12/32", office, "10.1.0.1/24", nat="udp-blocked"
    )
    home = laptop.host.cards[0].switch
    started = time.monotonic()
    laptop.host.move(laptop.host.cards[0], office, "10.1.0.2/24", gateways=["10.1.0.1"])
    assert laptop.reaches(address, within=20) is not None
    number(f"reached again in a network that blocks UDP: {time.monotonic() - started:.1f} s")
    started = time.monotonic()
    laptop.host.move(laptop.host.cards[0], home, "192.168.11.2/24", gateways=["192.168.11.1"])
    assert laptop.reaches(address, within=20) is not None
    number(f"reached again at home: {time.monotonic() - started:.1f} s")
    assert not laptop.peer("vps")["path"]["tls"]
    assert eventually(lambda: not laptop.status()["stream"], within=40)
    assert laptop.reaches(address) is not None


# Answers every TLS connection with a page to log in.
PORTAL = """
import asyncio
from meshdht.net.certificate import server_context

async def serve(reader, writer):
    await reader.read(1)
    writer.write(b"HTTP/1.1 302 Found\\r\\nLocation: https://login.example/\\r\\n\\r\\n")
    await writer.drain()
    writer.close()

async def main():
    async with await asyncio.start_server(serve, "0.0.0.0", 8443, ssl=server_context()) as server:
        await server.serve_forever()

asyncio.run(main())
"""


def test_a_captive_portal_is_told_until_it_lets_the_device_through(
    world: World, internet: Switch
) -> None:
    vps = serving(world, internet)
    laptop = behind_nat(world, internet, "laptop", 11)
    laptop.join(vps.invite("laptop"))
    assert laptop.reaches(vps.addresses()[0]) is not None
    assert laptop.json("netcheck")["portal"] == ""
    hotel = world.switch("hotel")
    portal = world.router(
        "portal", internet, "203.0.113.12/32", hotel, "10.1.0.1/24", nat="udp-blocked"
    )
    portal.popen([sys.executable, "-c", PORTAL], stderr=DEVNULL)
    assert eventually(lambda: bool(portal.run(["ss", "-Hltn", "sport = :8443"]).stdout))
    hook = "type nat hook prerouting priority dstnat - 10;"
    portal.run(
        ["nft", f"table ip portal {{ chain in {{ {hook} tcp dport 443 redirect to :8443; }}; }}"]
    )
    laptop.host.move(laptop.host.cards[0], hotel, "10.1.0.2/24", gateways=["10.1.0.1"])
    said = "something answers in the place of vps (203.0.113.2:443): a captive portal"

    def told() -> str:
        found: str = laptop.meshdht("netcheck").stdout
        return found

    assert eventually(lambda: said in told(), 40)
    assert json.loads(laptop.meshdht("netcheck", "--json").stdout)["portal"].startswith(said)
    # Somebody has logged in.
    portal.run(["nft", "delete table ip portal"])
    assert eventually(lambda: "portal" not in told() and laptop.status()["stream"] != "", 40)
    assert laptop.reaches(vps.addresses()[0]) is not None


PROXY = """
Port 3128
Timeout 600
ConnectPort 443
BasicAuth me secret
"""


def test_the_way_leads_through_a_proxy_where_one_is_named(world: World, internet: Switch) -> None:
    vps = serving(world, internet)
    office = world.switch("office")
    world.router(
        "office-router", internet, "203.0.113.12/32", office, "10.1.0.1/24", nat="udp-blocked"
    )
    # Nothing but the proxy gets out.
    proxy = world.host("proxy")
    proxy.attach(office, "10.1.0.3/24", gateways=["10.1.0.1"])
    proxy.run(["sh", "-c", "cat > /run/tinyproxy.conf"], input=PROXY)
    proxy.popen(["tinyproxy", "-d", "-c", "/run/tinyproxy.conf"])
    assert eventually(lambda: bool(proxy.run(["ss", "-Hltn", "sport = :3128"]).stdout))
    host = world.host("laptop")
    host.attach(office, "10.1.0.2/24")
    named = "MESHDHT_HTTP_PROXY=http://me:secret@10.1.0.3:3128"
    laptop = Device(host, ["env", named, *vps.command])
    laptop.join(vps.invite("laptop"))
    assert laptop.reaches(vps.addresses()[0]) is not None
    logs = host.run(["sh", "-c", "cat /var/lib/meshdht/home/*.log"]).stdout
    assert "by a stream to 203.0.113.2:443" in logs
    assert "secret" not in logs


def test_who_listens_on_443_but_is_none_of_ours_is_passed_over_and_named(
    world: World, internet: Switch
) -> None:
    """A captive portal, or a web server: the device says what it met, and does not join."""
    vps = public(world, internet, "vps", 2)
    vps.init("home")
    config = "/var/lib/meshdht/home/config.toml"
    vps.must("down")
    vps.host.run(["sh", "-c", f"echo 'relay = \"off\"' >> {config}"])
    vps.must("up")
    vps.host.popen(["python3", "-m", "http.server", "443"])
    assert eventually(lambda: serves(vps))
    laptop = behind_nat(world, internet, "laptop", 11, "udp-blocked")
    refused = laptop.meshdht("join", "--link-file", "-", input=vps.invite("laptop"))
    assert refused.returncode == 1
    assert "203.0.113.2:443: who answers there speaks no TLS" in refused.stderr


def test_junk_on_the_port_disturbs_nobody(world: World, internet: Switch) -> None:
    vps = serving(world, internet)
    laptop = behind_nat(world, internet, "laptop", 11, "udp-blocked")
    laptop.join(vps.invite("laptop"))
    stranger = world.host("stranger")
    stranger.attach(internet, "203.0.113.66/32")
    flood = stranger.popen(["python3", "-c", FLOOD])
    time.sleep(2)
    for _ in range(5):
        assert laptop.reaches(vps.addresses()[0], within=3) is not None
        time.sleep(0.5)
    # It went on all the time.
    assert flood.stop() != 1


# Connections that say nothing, junk before TLS, and junk within.
FLOOD = """
import os, socket, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
silent = []
while True:
    for kind in range(3):
        try:
            sock = socket.create_connection(("203.0.113.2", 443), timeout=2)
            if kind == 0:
                silent = [*silent[-100:], sock]
                continue
            if kind == 2:
                sock = context.wrap_socket(sock)
            sock.sendall(os.urandom(3000))
            sock.close()
        except OSError:
            pass
"""
