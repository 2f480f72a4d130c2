"""Why something was not delivered: by the kernel at once, and by ICMP."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import subprocess

import pytest

from meshdht.endpoint import Endpoint
from meshdht.limits import WAY_ERRORS_MAX
from meshdht.net.udp import UdpPort
from meshdht.net.way_errors import WayErrors
from tests.engine.eventually import eventually

THERE = Endpoint("203.0.113.9", 41820)


def words(errors: WayErrors, endpoint: Endpoint) -> str:
    found = errors.of(endpoint)
    return found[0] if found is not None else ""


def test_what_the_kernel_says_is_told_until_it_takes_one() -> None:
    errors = WayErrors(41820)
    for number, why in (
        (errno.EPERM, "forbidden by a firewall of this machine"),
        (errno.ENETUNREACH, "this machine has no route there"),
        (errno.EMSGSIZE, "message too long"),
    ):
        errors.failed(THERE, OSError(number, ""))
        assert words(errors, THERE) == why
    errors.sent(THERE)
    assert errors.of(THERE) is None
    errors.failed(THERE, None)
    assert "address family" in words(errors, THERE)


@pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")
async def test_a_port_that_is_paused_and_started_again_opens_nothing_more() -> None:
    """As each time that a worker dies."""
    port = UdpPort(0, lambda data, source: None)
    port.start()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        port.pause()
        port.start()
    assert len(os.listdir("/proc/self/fd")) == before
    port.close()
    assert len(os.listdir("/proc/self/fd")) < before


def test_so_many_are_remembered_and_no_more() -> None:
    errors = WayErrors(41820)
    places = [Endpoint(THERE.host, port) for port in range(1, WAY_ERRORS_MAX + 2)]
    for place in places:
        errors.failed(place, OSError(errno.EPERM, ""))
    assert errors.of(places[0]) is None
    assert words(errors, places[1])


@pytest.fixture
def reject(own_network: None) -> None:
    """A machine that refuses what comes to its port 9."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    rules = (
        "table inet t { chain c { type filter hook input priority 0;"
        " udp dport 9 ip version 4 reject with icmp host-unreachable;"
        " udp dport 9 ip6 version 6 reject with icmpv6 addr-unreachable; }; }"
    )
    subprocess.run(["nft", rules], check=True)


@pytest.mark.lab
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_what_a_machine_on_the_way_says_by_icmp_is_told_with_its_name(
    reject: None, host: str
) -> None:
    port = UdpPort(0, lambda data, source: None)
    port.start()
    there, other = Endpoint(host, 9), Endpoint(host, 10)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as stranger:
        # Of another program: nothing of ours.
        stranger.sendto(b"x", other)
        port.send(b"hello", there)
        await eventually(lambda: port.errors.of(there) is not None)
        assert words(port.errors, there) == f"host unreachable, says {host}"
        # It goes on although the kernel takes what is sent.
        port.send(b"hello", there)
        assert words(port.errors, there)
        await asyncio.sleep(0.05)
        assert port.errors.of(other) is None
        assert port.counters.send_failed == 0
    port.close()
    port.close()
