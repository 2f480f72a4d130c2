from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from meshdht.endpoint import Endpoint
from meshdht.errors import PlatformError
from meshdht.net.udp import UdpPort
from tests.engine.eventually import eventually

WIREGUARD = b"\x01\0\0\0" + bytes(144)
STUN = b"\x01\x01\0\0" + bytes.fromhex("2112a442") + bytes(12)
CONTROL = bytes([200]) * 40


class Recorded:
    """A port on the loopback and what it handed over."""

    def __init__(self, port: int = 0) -> None:
        self.control: list[tuple[bytes, Endpoint]] = []
        self.port = UdpPort(port, lambda data, source: self.control.append((data, source)))

    async def until(self, count: int) -> None:
        await eventually(lambda: len(self.control) >= count)


@pytest.fixture
def one() -> Iterator[Recorded]:
    recorded = Recorded()
    yield recorded
    recorded.port.close()


@pytest.fixture
def other() -> Iterator[Recorded]:
    recorded = Recorded()
    yield recorded
    recorded.port.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_control_packets_are_told_from_what_else_comes(
    one: Recorded, other: Recorded, host: str
) -> None:
    other.port.start()
    source = Endpoint(host, one.port.port)
    for data in (WIREGUARD, STUN, CONTROL):
        one.port.send(data, Endpoint(host, other.port.port))
    await other.until(1)
    assert other.control == [(CONTROL, source)]
    assert other.port.counters.unwanted == 2


async def test_stun_goes_to_who_asks_a_server(one: Recorded, other: Recorded) -> None:
    other.port.start()
    told: list[tuple[bytes, Endpoint]] = []
    other.port.on_stun = lambda data, source: told.append((data, source))
    for data in (STUN, CONTROL):
        one.port.send(data, Endpoint("127.0.0.1", other.port.port))
    await other.until(1)
    assert told == [(STUN, Endpoint("127.0.0.1", one.port.port))]
    assert other.port.counters.unwanted == 0


async def test_both_families_share_one_number(one: Recorded) -> None:
    one.port.start()
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.sendto(CONTROL, (host, one.port.port))
            await one.until(1)
        assert one.control.pop()[1].host == host


async def test_sources_are_told_apart_within_one_batch(one: Recorded) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second,
    ):
        for sock in (first, second, first):
            sock.sendto(CONTROL, ("127.0.0.1", one.port.port))
        ports = [sock.getsockname()[1] for sock in (first, second, first)]
    one.port.start()
    await one.until(3)
    assert [source.port for _, source in one.control] == ports


async def test_a_flood_leaves_the_loop_room_for_others(one: Recorded) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(500):
            sock.sendto(CONTROL, ("127.0.0.1", one.port.port))
    one.port.start()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 0 < len(one.control) < 500
    await one.until(500)


def test_a_taken_port_is_named_with_what_to_do(one: Recorded) -> None:
    with pytest.raises(PlatformError, match=str(one.port.port)) as caught:
        Recorded(one.port.port)
    assert "--listen-port" in caught.value.hint


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")])
def test_a_port_taken_in_one_family_is_taken(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, 0))
        with pytest.raises(PlatformError):
            Recorded(sock.getsockname()[1])


@pytest.mark.parametrize(
    "destination",
    [
        Endpoint("255.255.255.255", 9),
        Endpoint("127.0.0.1", 0),
        Endpoint("127.0.0.1", 99999),
        Endpoint("", 0),
    ],
)
def test_what_cannot_be_sent_is_counted_and_never_raises(
    one: Recorded, destination: Endpoint
) -> None:
    one.port.send(CONTROL, destination)
    assert one.port.counters.send_failed == 1


def test_a_datagram_beyond_udp_is_counted(one: Recorded) -> None:
    one.port.send(bytes(70_000), Endpoint("127.0.0.1", 9))
    assert one.port.counters.send_failed == 1


def test_without_ipv6_the_port_serves_ipv4_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def no_ipv6(family: int, *arguments: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *arguments)

    monkeypatch.setattr("meshdht.net.udp.socket.socket", no_ipv6)
    recorded = Recorded()
    recorded.port.send(CONTROL, Endpoint("::1", 9))
    assert recorded.port.counters.send_failed == 1
    recorded.port.close()


async def test_closing_twice_is_harmless_and_frees_the_port(one: Recorded) -> None:
    one.port.start()
    one.port.close()
    one.port.close()
    again = Recorded(one.port.port)
    again.port.close()
    assert again.port.port == one.port.port
