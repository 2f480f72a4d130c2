"""Datagrams of the gateway, and of others that would like to be it."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from dataclasses import replace

import pytest

from meshdht.net.gateway import (
    Announcements,
    Gateway,
    GatewayPort,
    find_upnp,
    gateway_at,
)
from meshdht.wire.port_mapping import ANNOUNCE_GROUP_IPV4, ANNOUNCE_PORT, CONTROL_PORT
from meshdht.wire.ssdp import PORT as SSDP_PORT
from meshdht.wire.ssdp import SEARCH_TARGETS, Presence
from tests.engine.eventually import eventually
from tests.support.network import ip
from tests.support.router import loopback_gateway


def bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, port))
    return sock


def bound_ipv6(host: str, scope: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind((host, 0, 0, scope))
    return sock


def test_the_gateway_sees_us_at_the_address_that_the_kernel_sends_from() -> None:
    assert gateway_at("127.0.0.1", "lo") == Gateway(
        "127.0.0.1", socket.if_nametoindex("lo"), "127.0.0.1"
    )
    assert gateway_at("127.0.0.1", "gone0") is None


async def test_answers_come_from_the_gateways_port_alone() -> None:
    gateway = loopback_gateway()
    heard: list[bytes] = []
    with bound(gateway.address, CONTROL_PORT) as router, bound(gateway.address, 0) as other:
        port = GatewayPort(gateway, heard.append)
        port.send(b"question")
        request, source = await asyncio.get_running_loop().sock_recvfrom(router, 100)
        assert request == b"question"
        assert source[0] == gateway.inner
        other.sendto(b"forged", source)
        router.sendto(b"answer", source)
        await eventually(lambda: bool(heard))
        port.close()
    assert heard == [b"answer"]


async def test_a_gateway_without_port_control_is_counted() -> None:
    port = GatewayPort(loopback_gateway(), lambda data: None)
    port.send(b"question")
    await eventually(lambda: port.counters["not delivered"] == 1)
    port.close()


async def test_announcements_count_from_the_gateway_alone() -> None:
    gateway = loopback_gateway()
    heard: list[bytes] = []
    announcements = Announcements(gateway, ANNOUNCE_GROUP_IPV4, ANNOUNCE_PORT, heard.append)
    with bound(gateway.address, 0) as router, bound(gateway.inner, 0) as other:
        for sock, data in ((other, b"forged"), (router, b"restarted")):
            sock.setsockopt(
                socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
            )
            sock.sendto(data, (ANNOUNCE_GROUP_IPV4, ANNOUNCE_PORT))
        await eventually(lambda: bool(heard))
    announcements.close()
    announcements.close()
    assert heard == [b"restarted"]


@pytest.mark.lab
@pytest.mark.parametrize(("group", "source"), [("ff02::c", "fe80::1"), ("ff05::c", "2001:db8::1")])
async def test_a_router_of_ipv6_is_heard_under_the_address_that_it_is_known_by(
    own_network: None, group: str, source: str
) -> None:
    ip(
        "link add lan type veth peer name router",
        *(f"link set {interface} up" for interface in ("lan", "router")),
        *(f"addr add {address}/64 dev router nodad" for address in (source, "2001:db8::7")),
    )
    there, scope = socket.if_nametoindex("router"), socket.if_nametoindex("lan")
    gateway = Gateway(source, scope, "2001:db8::2")
    heard: list[bytes] = []
    notices = Announcements(gateway, group, SSDP_PORT, heard.append)
    assert not notices.counters
    with bound_ipv6("2001:db8::7", 0) as other, bound_ipv6(source, there) as router:
        for sock, data in ((other, b"forged"), (router, b"restarted")):
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, there)
            sock.sendto(data, (group, SSDP_PORT, 0, there))
        await eventually(lambda: bool(heard))
    notices.close()
    assert heard == [b"restarted"]


def answer(location: str) -> bytes:
    lines = ("HTTP/1.1 200 OK", f"ST: {SEARCH_TARGETS[1]}", f"LOCATION: {location}", "", "")
    return "\r\n".join(lines).encode()


async def test_a_search_takes_the_gateways_own_answer_among_junk() -> None:
    gateway = loopback_gateway()
    location = f"http://{gateway.address}:5000/desc.xml"
    counters: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    with bound(gateway.address, SSDP_PORT) as router, bound(gateway.inner, 0) as other:
        search = loop.create_task(find_upnp(gateway, counters))
        _, source = await loop.sock_recvfrom(router, 1000)
        other.sendto(answer("http://127.0.0.1:1/"), source)
        router.sendto(b"junk", source)
        router.sendto(answer("http://198.51.100.1/"), source)
        router.sendto(answer(location), source)
        assert await search == Presence(location)
    assert counters == {"not from the gateway": 1, "malformed": 2}


async def test_a_search_that_nobody_answers_ends_by_itself() -> None:
    async with asyncio.timeout(10):
        assert await find_upnp(loopback_gateway(), Counter()) is None


async def test_a_machine_without_that_address_finds_nothing() -> None:
    counters: Counter[str] = Counter()
    gone = replace(loopback_gateway(), inner="198.51.100.1")
    assert await find_upnp(gone, counters) is None
    assert counters["not sent"] == 1
