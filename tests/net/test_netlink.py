"""Against the real kernel, in a network namespace of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from meshdht.errors import PlatformError
from meshdht.net.links import Link
from meshdht.net.netlink import LocalAddress, LocalRange, Netlink, open_netlink
from meshdht.net.routes import Way
from meshdht.net.tun import Tun
from tests.support.network import ip

pytestmark = pytest.mark.lab

V4, V6 = ip_interface("100.64.1.1/16"), ip_interface("fd12::1/64")


@pytest.fixture
async def netlink(own_network: None) -> AsyncIterator[Netlink]:
    async with open_netlink() as netlink:
        yield netlink


@pytest.fixture
def tun(own_network: None) -> Iterator[Tun]:
    tun = Tun("mesh0")
    yield tun
    tun.close()


async def test_a_configured_interface_has_its_addresses_and_their_routes(
    netlink: Netlink, tun: Tun
) -> None:
    assert await netlink.configure("mesh0", [V4, V6], 1420) == (V4, V6)
    assert await netlink.local_addresses() == [
        LocalAddress(V4.ip, "mesh0", V4.network),
        LocalAddress(V6.ip, "mesh0", V6.network),
    ]
    assert await netlink.overlaps(ip_network("100.64.9.0/24"), excluding="") == [
        LocalRange(V4.network, "mesh0")
    ]


async def test_temporary_addresses_and_how_long_they_are_preferred_are_told(
    netlink: Netlink, tun: Tun
) -> None:
    set_ipv6("use_tempaddr", 2)
    set_ipv6("accept_dad", 0)
    ip("link set mesh0 up")
    ip("addr add 2001:db8::5/64 dev mesh0 nodad mngtmpaddr preferred_lft 3000 valid_lft 6000")
    ip("addr add 2001:db8::6/64 dev mesh0 nodad preferred_lft 0 valid_lft 6000")
    ip("addr add 192.0.2.5/24 dev mesh0")
    ip("addr add 192.0.2.6/24 dev mesh0")
    found = await netlink.local_addresses()
    lasting = {str(each.address): each.preferred_s for each in found if not each.is_temporary}
    assert lasting == {
        "192.0.2.5": math.inf,
        "192.0.2.6": math.inf,
        "2001:db8::5": pytest.approx(3000, abs=10),
    }
    (temporary,) = (each for each in found if each.is_temporary)
    assert temporary.address in ip_network("2001:db8::/64")
    assert temporary.preferred_s <= 3000


async def test_ways_out_have_a_default_route_of_the_main_table(netlink: Netlink, tun: Tun) -> None:
    ip("link set mesh0 up")
    ip("route add default dev mesh0 table 51820")
    assert await netlink.ways_out() == set()
    ip("route add default dev mesh0")
    assert await netlink.ways_out() == {"mesh0"}


async def test_what_is_plugged_into_a_bridge_names_it(netlink: Netlink) -> None:
    ip("link add br0 type bridge")
    ip("link add v0 type veth peer name v1")
    ip("link set v0 master br0")
    links = {each.name: each for each in await netlink.links()}
    assert links["br0"].kind == "bridge"
    assert links["v0"] == Link(links["v0"].index, "v0", "veth", "", links["br0"].index)
    assert links["v1"].master == 0


async def test_configuring_again_replaces_the_addresses(netlink: Netlink, tun: Tun) -> None:
    await netlink.configure("mesh0", [V4, V6], 1420)
    other = ip_interface("100.64.1.2/16")
    await netlink.configure("mesh0", [other], 1400)
    assert await netlink.local_addresses() == [LocalAddress(other.ip, "mesh0", other.network)]


@pytest.mark.alone
async def test_configuring_takes_tens_of_milliseconds(netlink: Netlink, tun: Tun) -> None:
    began = time.monotonic()
    await netlink.configure("mesh0", [V4, V6], 1420)
    assert time.monotonic() - began < 0.5


async def test_an_mtu_is_set_and_a_missing_interface_is_left_alone(
    netlink: Netlink, tun: Tun
) -> None:
    await netlink.configure("mesh0", [V4], 1420)
    await netlink.set_mtu("mesh0", 1380, segments_max=40)
    assert (await netlink.link_mtus())["mesh0"] == 1380
    await netlink.set_mtu("mesh9", 1380)


async def test_an_interface_that_was_down_has_lost_its_ipv6_address(
    netlink: Netlink, tun: Tun
) -> None:
    await netlink.configure("mesh0", [V4, V6], 1420)
    assert await netlink.addresses_while_up("mesh0") == (V4, V6)
    ip("link set mesh0 down")
    assert await netlink.addresses_while_up("mesh0") is None
    ip("link set mesh0 up")
    assert await netlink.addresses_while_up("mesh0") == (V4,)
    assert await netlink.addresses_while_up("mesh9") is None


async def test_hosts_behind_an_interface_can_have_routes_with_an_mtu_of_their_own(
    netlink: Netlink, tun: Tun
) -> None:
    await netlink.configure("mesh0", [V4, V6], 1420)
    hosts = ip_address("100.64.7.7"), ip_address("fd12::7"), ip_address("100.64.7.8")
    ip("route add 100.64.9.9 dev mesh0", "route add 100.64.200.0/24 dev mesh0 mtu 1000")

    async def present() -> dict[str, int]:
        index = socket.if_nametoindex("mesh0")
        return {str(host): mtu async for host, mtu in netlink._route_mtus(index)}

    await netlink.set_route_mtus("mesh0", dict.fromkeys(hosts[:2], 1328))
    assert await present() == {"100.64.7.7": 1328, "fd12::7": 1328}
    await netlink.set_route_mtus("mesh0", {hosts[0]: 1280, hosts[2]: 1328})
    assert await present() == {"100.64.7.7": 1280, "100.64.7.8": 1328}
    await netlink.set_route_mtus("mesh0", {})
    assert await present() == {}
    # What is no host, or says nothing of an MTU, is not ours.
    left = routes()
    assert "100.64.9.9" in left
    assert "100.64.200.0/24" in left
    ip("link set mesh0 down")
    await netlink.set_route_mtus("mesh0", {hosts[0]: 1280})
    await netlink.set_route_mtus("mesh9", {hosts[0]: 1280})


async def test_what_is_asked_at_the_same_time_is_answered_in_turn(
    netlink: Netlink, tun: Tun
) -> None:
    await netlink.configure("mesh0", [V4, V6], 1420)
    # So many that the kernel lists them in several parts: it lists one thing at a time.
    ip(*(f"route add 100.64.{number // 250}.{number % 250 + 1} dev mesh0" for number in range(800)))
    host = ip_address("100.64.7.7")
    async with asyncio.TaskGroup() as tasks:
        for mtu in (1280, 1300, 1320):
            tasks.create_task(netlink.set_route_mtus("mesh0", {host: mtu}))
            tasks.create_task(netlink.set_route_mtus("mesh0", {}))
            tasks.create_task(netlink.local_addresses())
            tasks.create_task(netlink.default_mtus(excluding=""))
    assert str(host) not in routes()


async def test_a_route_that_somebody_has_removed_meanwhile_is_no_failure(
    netlink: Netlink, tun: Tun, monkeypatch: pytest.MonkeyPatch
) -> None:
    await netlink.configure("mesh0", [V4], 1420)
    hosts = ip_address("100.64.7.7"), ip_address("100.64.7.8")
    await netlink.set_route_mtus("mesh0", dict.fromkeys(hosts, 1328))
    real = netlink._route.route

    async def after_somebody_else(command: str, **arguments: object) -> object:
        if command == "del":
            ip(f"route del {arguments['dst']} dev mesh0")
        return await real(command, **arguments)

    monkeypatch.setattr(netlink._route, "route", after_somebody_else)
    await netlink.set_route_mtus("mesh0", {})
    assert not {str(host) for host in hosts} & set(routes().split())


def routes() -> str:
    return subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout


def set_ipv6(key: str, value: int) -> None:
    Path(f"/proc/sys/net/ipv6/conf/mesh0/{key}").write_text(str(value))


async def test_default_routes_of_all_tables_tell_what_they_bear(own_network: None) -> None:
    ip(
        "link add eth0 mtu 1500 up type veth peer name far0",
        "link add eth1 mtu 1400 up type veth peer name far1",
        "link set far0 up",
        "link set far1 up",
        "addr add 192.0.2.2/24 dev eth0",
        "addr add 198.51.100.2/24 dev eth1",
    )
    async with open_netlink() as netlink:
        assert await netlink.default_mtus(excluding="mesh0") == []
        ip("route add default via 192.0.2.1")
        assert await netlink.default_mtus(excluding="mesh0") == [1500]
        ip("route add default via 192.0.2.1 table 77 mtu 1450")
        ip("route add ::/0 dev eth1")
        assert sorted(await netlink.default_mtus(excluding="mesh0")) == [1400, 1450, 1500]
        assert sorted(await netlink.default_mtus(excluding="eth1")) == [1450, 1500]
        ip(
            "route del ::/0 dev eth1",
            "route del default via 192.0.2.1 table 77",
            "route replace default nexthop via 192.0.2.1 nexthop via 198.51.100.1",
            "route add unreachable default metric 9999",
        )
        assert sorted(await netlink.default_mtus(excluding="mesh0")) == [1400, 1500]


async def test_the_default_gateway_of_each_family_is_the_nearest_that_is_not_excluded(
    own_network: None,
) -> None:
    ip(
        "link add eth0 up type veth peer name far0",
        "link add eth1 up type veth peer name far1",
        "link set far0 up",
        "link set far1 up",
        "addr add 192.0.2.2/24 dev eth0",
        "addr add 198.51.100.2/24 dev eth1",
        "addr add 2001:db8::2/64 dev eth1 nodad",
    )
    async with open_netlink() as netlink:
        assert await netlink.default_gateways(excluding=()) == []
        ip(
            "route add default dev eth0 metric 1",
            "route add default via 192.0.2.1 metric 50",
            "route add default via 198.51.100.1 metric 20",
            "route add default via 198.51.100.9 table 77",
            "route add default via fe80::1 dev eth1",
            "route add unreachable default metric 9999",
        )
        nearest = [("198.51.100.1", "eth1"), ("fe80::1", "eth1")]
        assert await netlink.default_gateways(excluding=("mesh0",)) == nearest
        assert await netlink.default_gateways(excluding=("eth1",)) == [("192.0.2.1", "eth0")]


async def test_what_is_configured_carries_packets(netlink: Netlink, tun: Tun) -> None:
    await netlink.configure("mesh0", [V4], 1420)
    with contextlib.suppress(BlockingIOError):
        while os.read(tun.fileno(), 65535):
            pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"into the mesh", ("100.64.7.7", 9))
    packet = os.read(tun.fileno(), 65535)
    packet = packet[10:]  # after the virtio header
    assert packet.endswith(b"into the mesh")
    assert IPv4Address(packet[16:20]) == IPv4Address("100.64.7.7")


async def test_an_overlap_excludes_the_mesh_itself_and_other_families(
    netlink: Netlink, tun: Tun
) -> None:
    await netlink.configure("mesh0", [V4, V6], 1420)
    assert await netlink.overlaps(ip_network("100.64.0.0/10"), excluding="mesh0") == []
    assert await netlink.overlaps(ip_network("10.0.0.0/8"), excluding="") == []
    assert await netlink.overlaps(ip_network("fd12::/16"), excluding="") == [
        LocalRange(V6.network, "mesh0")
    ]


async def test_a_default_route_in_pieces_is_no_overlap_and_another_vpns_range_is(
    netlink: Netlink, tun: Tun
) -> None:
    ip("link set mesh0 up")
    for pieces in ("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"):
        ip(f"route add {pieces} dev mesh0")
    assert await netlink.overlaps(ip_network("100.64.0.0/18"), excluding="") == []
    assert await netlink.overlaps(ip_network("fd12::/64"), excluding="") == []
    ip("route add 100.64.0.0/10 dev mesh0")
    assert await netlink.overlaps(ip_network("100.64.0.0/18"), excluding="") == [
        LocalRange(ip_network("100.64.0.0/10"), "mesh0")
    ]


async def test_a_missing_interface_is_one_clear_line(netlink: Netlink) -> None:
    with pytest.raises(PlatformError, match="network interface mesh9: No such device"):
        await netlink.configure("mesh9", [V4], 1420)


async def test_a_deleted_interface_is_gone_and_deleting_again_is_harmless(
    netlink: Netlink, tun: Tun
) -> None:
    await netlink.delete("mesh0")
    await netlink.delete("mesh0")
    with pytest.raises(PlatformError):
        await netlink.configure("mesh0", [V4], 1420)


async def test_a_machine_without_ipv6_gets_its_ipv4_address(
    netlink: Netlink, tun: Tun, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = netlink._route.addr

    async def without_ipv6(command: str, **arguments: object) -> object:
        if ":" in str(arguments.get("address")):
            raise PermissionError(13, "Permission denied")
        return await real(command, **arguments)

    monkeypatch.setattr(netlink._route, "addr", without_ipv6)
    assert await netlink.configure("mesh0", [V4, V6], 1420) == (V4,)


async def test_an_interface_is_made_found_by_its_alias_and_removed(
    own_network: None, netlink: Netlink
) -> None:
    assert await netlink.find("mesh1") is None
    index = await netlink.make("mesh1", "bridge", "meshdht /var/lib/meshdht/home")
    assert await netlink.find("mesh1") == Link(
        index, "mesh1", "bridge", "meshdht /var/lib/meshdht/home"
    )
    await netlink.bring_up(index)
    await netlink.remove(index)
    await netlink.remove(index)
    assert await netlink.find("mesh1") is None


async def test_what_the_kernel_cannot_make_is_told_by_its_number(
    own_network: None, netlink: Netlink
) -> None:
    with pytest.raises(OSError, match="not supported") as raised:
        await netlink.make("mesh1", "no-such-kind", "")
    assert raised.value.errno == errno.EOPNOTSUPP
    await netlink.make("mesh1", "bridge", "")
    with pytest.raises(OSError, match="exists"):
        await netlink.make("mesh1", "bridge", "")


async def test_the_way_to_an_address_is_by_the_gateway_or_straight_to_it(
    netlink: Netlink, tun: Tun
) -> None:
    await netlink.configure("mesh0", [V4, V6], 1420)
    await netlink._route.route("add", dst="default", gateway="100.64.9.9")
    own = str(V4.ip)
    assert await netlink.way_to("100.64.2.2") == Way("mesh0", "100.64.2.2", own)
    assert await netlink.way_to("192.0.2.1") == Way("mesh0", "100.64.9.9", own)
    assert await netlink.way_to("fd12::2") == Way("mesh0", "fd12::2", str(V6.ip))
    assert await netlink.way_to("2001:db8::1") is None
    assert await netlink.way_to(own) is None
