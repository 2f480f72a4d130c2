"""Networks of other sizes than Ethernet's: what fits into the tunnel, and what gets through."""

from __future__ import annotations

import json

import pytest

from meshdht.lab.capture import Capture
from meshdht.lab.device import Device
from meshdht.lab.host import Switch
from meshdht.lab.transfer import transfer
from meshdht.lab.world import World
from tests.lab.homes import COMMAND, complaint, connect, eventually

MEBIBYTE = 1 << 20
# The largest multiples of 16 that fit into a path of 1400.
OVER_IPV4, OVER_IPV6 = 1328, 1312
MTU = "mtu = 1300\n"
WRITE_CONFIG = ["sh", "-c", "cat > /var/lib/meshdht/home/config.toml"]
FRAGMENT = 44  # IPv6's extension header


def public(world: World, internet: Switch, name: str, number: int, mtu: int) -> Device:
    """A device at 203.0.113.``number`` and 2001:db8::``number``, with a card of this MTU."""
    host = world.host(name)
    host.attach(internet, f"203.0.113.{number}/32", f"2001:db8::{number}/128", mtu=mtu)
    return Device(host, COMMAND)


def tunnel_mtu(device: Device) -> int:
    shown = device.host.run(["ip", "-json", "link", "show", "mesh-home"]).stdout
    return int(json.loads(shown)[0]["mtu"])


def passes(source: Device, address: str, size: int, *, whole: bool = True) -> bool:
    """Whether one of a few pings is answered, of IP packets of ``size`` bytes; ``whole``: none is
    fragmented inside the tunnel."""
    data = size - (48 if ":" in address else 28)
    hint = "do" if whole else "dont"
    ping = ["ping", "-n", "-c", "3", "-i", "0.05", "-W", "1", "-M", hint, "-s", str(data), address]
    return source.host.run(ping, check=False, timeout=10).returncode == 0


def fragments(capture: Capture) -> int:
    """How many of the recorded frames are fragments."""
    ipv4 = [each for each in capture.frames() if each[12:14] == b"\x08\x00"]
    ipv6 = [each for each in capture.frames() if each[12:14] == b"\x86\xdd"]
    assert ipv4 or ipv6
    of_ipv4 = sum(int.from_bytes(each[20:22], "big") & 0x3FFF != 0 for each in ipv4)
    return of_ipv4 + sum(each[20] == FRAGMENT for each in ipv6)


@pytest.mark.parametrize(
    ("outer", "inner"), [(1360, 1280), (1400, 1320), (1500, 1420), (9000, 1420)]
)
def test_the_tunnel_has_80_bytes_less_than_the_way_out_and_no_more_than_1420(
    world: World, outer: int, inner: int
) -> None:
    internet = world.switch("internet")
    nas = public(world, internet, "nas", 2, outer)
    laptop = public(world, internet, "laptop", 3, outer)
    connect(nas, laptop)
    assert (tunnel_mtu(nas), tunnel_mtu(laptop)) == (inner, inner)
    with world.capture(internet) as capture:
        for address in nas.addresses():
            assert laptop.reaches(address) is not None
            for size in (100, inner - 1, inner):
                assert passes(laptop, address, size), f"{size} bytes to {address}"
            assert not passes(laptop, address, inner + 1)
            assert passes(laptop, address, inner + 1, whole=False)
        moved = transfer(laptop.host, nas.host, nas.addresses()[0], 3 * MEBIBYTE)
    assert moved.size == 3 * MEBIBYTE
    assert not fragments(capture)


def test_the_tunnel_follows_the_network_unless_the_user_says_how_large_it_is(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = (public(world, internet, *each, 1500) for each in (("nas", 2), ("laptop", 3)))
    connect(nas, laptop)
    card = laptop.host.cards[0].interface
    laptop.host.ip(f"link set {card} mtu 1400")
    assert eventually(lambda: tunnel_mtu(laptop) == 1320)
    # Of 1320 bytes the answer would be padded to 1328 by the other side, whose tunnel is larger: on
    # a path by IPv6 it would not fit.
    assert passes(laptop, nas.addresses()[0], OVER_IPV6)
    assert not passes(laptop, nas.addresses()[0], 1321)
    laptop.host.ip(f"link set {card} mtu 1500")
    assert eventually(lambda: tunnel_mtu(laptop) == 1420)

    laptop.host.run(WRITE_CONFIG, input=MTU)
    laptop.must("down")
    laptop.must("up")
    assert tunnel_mtu(laptop) == 1300
    laptop.host.ip(f"link set {card} mtu 1360")
    assert laptop.reaches(nas.addresses()[0]) is not None
    assert tunnel_mtu(laptop) == 1300

    too_small = MTU.replace("1300", "1279")
    laptop.must("down")
    laptop.host.run(WRITE_CONFIG, input=too_small)
    assert "mtu" in complaint(laptop.meshdht("up"), 2)


def swallow(device: Device, largest: int) -> None:
    """Drop, without a word, IP packets larger than this on their way in, and all fragments."""
    card = device.host.cards[0].interface
    rules = f"""
    table netdev blackhole {{
        chain ingress {{
            type filter hook ingress device "{card}" priority 0; policy accept;
            ip length > {largest} drop
            ip frag-off & 0x3fff != 0 drop
            ip6 length > {largest - 40} drop
            ip6 nexthdr {FRAGMENT} drop
        }}
    }}
    """
    device.host.run(["nft", "-f", "-"], input=rules)


def route_mtu(source: Device, address: str) -> int:
    shown = source.host.run(["ip", "-json", "-details", "route", "get", address]).stdout
    route = json.loads(shown)[0]
    metrics = route.get("metrics", [{}])[0]
    return int(metrics.get("mtu", tunnel_mtu(source)))


def test_a_path_that_swallows_full_packets_is_noticed_and_gets_smaller_ones(world: World) -> None:
    internet = world.switch("internet")
    names = ("nas", 2), ("laptop", 3), ("phone", 4)
    nas, laptop, phone = (public(world, internet, *each, 1500) for each in names)
    for device in (nas, laptop, phone):
        # Of a train that crosses a cable in one piece the rules would see one packet.
        device.host.ip(f"link set {device.host.cards[0].interface} gso_max_segs 1")
    swallow(nas, 1400)
    swallow(laptop, 1400)
    connect(nas, laptop, phone)
    for address in nas.addresses():
        assert laptop.reaches(address) is not None
    moved = transfer(laptop.host, nas.host, nas.addresses()[0], MEBIBYTE)
    assert moved.size == MEBIBYTE
    fits = {OVER_IPV4, OVER_IPV6}
    assert eventually(lambda: {route_mtu(laptop, each) for each in nas.addresses()} <= fits)
    assert eventually(lambda: {route_mtu(nas, each) for each in laptop.addresses()} <= fits)
    for address in nas.addresses():
        assert passes(laptop, address, route_mtu(laptop, address))
        assert passes(laptop, address, 1420, whole=False)
    assert transfer(nas.host, laptop.host, laptop.addresses()[1], MEBIBYTE).size == MEBIBYTE
    assert laptop.peer("nas")["path"]["mtu"] in fits
    said = laptop.host.run(["cat", "/var/lib/meshdht/home/daemon.log"]).stdout
    assert said.count("the path to nas swallows packets of more than 13") == 1

    # The phone's way to others ends in the same holes, though nothing is swallowed on its side.
    assert eventually(lambda: route_mtu(phone, nas.addresses()[0]) in fits)
    assert (tunnel_mtu(laptop), tunnel_mtu(phone)) == (1420, 1420)
    assert transfer(phone.host, nas.host, nas.addresses()[0], MEBIBYTE).size == MEBIBYTE
