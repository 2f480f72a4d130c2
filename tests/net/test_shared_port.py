"""Control packets beside whoever holds the port: here a plain UDP socket stands for the kernel."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
from collections.abc import Iterator

import pytest

from meshdht.endpoint import Endpoint
from meshdht.net.port import Port
from meshdht.net.shared_port import DATAGRAM_SIZE_MIN, SharedPort, control_filter
from meshdht.wire.classify import KEEPALIVE
from meshdht.wire.packet import MAX_DATAGRAM_SIZE
from tests.engine.eventually import eventually

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root"),
]
CONTROL = bytes([200]) * 40
STUN = b"\x01\x01\0\0" + bytes.fromhex("2112a442") + bytes(12)
HOSTS = ["127.0.0.1", "::1"]


class Shared:
    """A port that a plain socket holds in both families, and what its raw sockets handed over."""

    def __init__(self) -> None:
        self.holder = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.holder.bind(("::", 0))
        self.holder.settimeout(2)
        self.received: list[tuple[bytes, Endpoint]] = []
        self.port = SharedPort(
            self.holder.getsockname()[1],
            on_control=lambda data, source: self.received.append((data, source)),
        )

    def at(self, host: str) -> Endpoint:
        return Endpoint(host, self.port.port)

    def close(self) -> None:
        self.port.close()
        self.port.close()
        self.holder.close()


@pytest.fixture
def one() -> Iterator[Shared]:
    shared = Shared()
    yield shared
    shared.close()


@pytest.fixture
def other() -> Iterator[Shared]:
    shared = Shared()
    yield shared
    shared.close()


def stranger(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock


def test_it_is_a_port(one: Shared) -> None:
    port: Port = one.port
    assert port.port == one.holder.getsockname()[1]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("size", [DATAGRAM_SIZE_MIN, 333, MAX_DATAGRAM_SIZE])
async def test_control_packets_go_from_port_to_port(
    one: Shared, other: Shared, host: str, size: int
) -> None:
    other.port.start()
    data = bytes([200]) * size
    one.port.send(data, other.at(host))
    await eventually(lambda: bool(other.received))
    assert other.received == [(data, one.at(host))]
    assert one.port.counters.send_failed == 0


@pytest.mark.parametrize("host", HOSTS)
async def test_the_holder_gets_what_is_sent_with_a_checksum_that_holds(
    one: Shared, other: Shared, host: str
) -> None:
    one.port.send(CONTROL, other.at(host))
    data, address = other.holder.recvfrom(2000)
    assert data == CONTROL
    assert address[1] == one.port.port


@pytest.mark.parametrize("host", HOSTS)
async def test_wireguards_messages_and_keepalives_do_not_reach_the_process(
    one: Shared, host: str
) -> None:
    one.port.start()
    with stranger(host) as sender:
        for kind in (1, 2, 3, 4):
            sender.sendto(kind.to_bytes(4, "little") + bytes(144), one.at(host))
        sender.sendto(KEEPALIVE, one.at(host))
        sender.sendto(b"", one.at(host))
        sender.sendto(CONTROL[: DATAGRAM_SIZE_MIN - 1], one.at(host))
        sender.sendto(bytes([200]) * (MAX_DATAGRAM_SIZE + 1), one.at(host))
        sender.sendto(CONTROL, one.at(host))
        await eventually(lambda: bool(one.received))
        assert one.received == [(CONTROL, Endpoint(host, sender.getsockname()[1]))]


@pytest.mark.parametrize("host", HOSTS)
async def test_only_a_first_word_of_1_to_4_is_wireguards(one: Shared, host: str) -> None:
    one.port.start()
    words = [0, 5, 255, 0x0100, 0x01000000, 0x10001, 0x80000001]
    with stranger(host) as sender:
        for word in words:
            sender.sendto(struct.pack("<I", word) + bytes(40), one.at(host))
    await eventually(lambda: len(one.received) == len(words))
    assert [struct.unpack_from("<I", data)[0] for data, _ in one.received] == words


@pytest.mark.parametrize("host", HOSTS)
async def test_other_ports_are_nobodys_business_here(one: Shared, other: Shared, host: str) -> None:
    one.port.start()
    with stranger(host) as sender:
        sender.sendto(CONTROL, other.at(host))
        sender.sendto(STUN, one.at(host))
        sender.sendto(CONTROL + b"last", one.at(host))
    await eventually(lambda: bool(one.received))
    assert [data for data, _ in one.received] == [CONTROL + b"last"]
    assert one.port.counters.unwanted == 1


@pytest.mark.parametrize("host", HOSTS)
async def test_stun_goes_to_who_asks_a_server(one: Shared, host: str) -> None:
    one.port.start()
    told: list[bytes] = []
    one.port.on_stun = lambda data, source: told.append(data)
    with stranger(host) as sender:
        sender.sendto(STUN, one.at(host))
    await eventually(lambda: bool(told))
    assert told == [STUN]
    assert one.port.counters.unwanted == 0


async def test_what_comes_before_the_filter_is_looked_at_again(one: Shared) -> None:
    """A raw socket hears every port until its filter is there; the reader has to bear it."""
    dice = random.Random(3)
    own = struct.pack(">HHHH", 9, one.port.port, 8 + len(CONTROL), 0) + CONTROL
    for _ in range(2000):
        junk = dice.randbytes(dice.randrange(60))
        one.port._take(junk, "127.0.0.1", dice.choice([0, 20, 60]))
    assert one.received == []
    one.port._take(bytes(20) + own, "127.0.0.1", 20)
    assert one.received == [(CONTROL, Endpoint("127.0.0.1", 9))]


async def test_what_cannot_be_sent_is_counted(one: Shared) -> None:
    # No broadcasts, no such port, too large.
    for to in (Endpoint("255.255.255.255", 5), Endpoint("127.0.0.1", 70000)):
        one.port.send(CONTROL, to)
    one.port.send(bytes(70000), one.at("127.0.0.1"))
    assert one.port.counters.send_failed == 3


async def test_a_datagram_behind_an_ip_header_with_options_is_found(one: Shared) -> None:
    one.port.start()
    with stranger("127.0.0.1") as sender:
        # Four no-operations (RFC 791, section 3.1).
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([1, 1, 1, 1]))
        sender.sendto(CONTROL, one.at("127.0.0.1"))
        sender.sendto(b"\x04\0\0\0" + bytes(40), one.at("127.0.0.1"))
        await eventually(lambda: bool(one.received))
        await asyncio.sleep(0.02)
        assert one.received == [(CONTROL, Endpoint("127.0.0.1", sender.getsockname()[1]))]


def test_the_filter_is_as_short_as_its_families_allow() -> None:
    for family in (socket.AF_INET, socket.AF_INET6):
        assert len(control_filter(41820, family)) == 8 * 13
