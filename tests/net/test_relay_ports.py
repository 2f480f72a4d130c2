"""Ports on the loopback: two that are joined hear each other, whatever the size of the train."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from select import select

import pytest

from meshdht.datagrams import DatagramSocket
from meshdht.endpoint import Endpoint
from meshdht.net.relay_ports import RelayPorts
from meshdht.net.relay_rate import RelayRate
from tests.engine.eventually import eventually

FIRST, LAST = 45_100, 45_103


class Sent:
    """A forwarder that does nothing, and what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None:
        self.told.append((port, one, other))

    def part(self, port: int) -> None:
        self.told.append((port,))


@pytest.fixture
async def ports() -> AsyncIterator[RelayPorts]:
    strangers: list[tuple[int, bytes, Endpoint]] = []
    lent = RelayPorts(FIRST, LAST, lambda *said: strangers.append(said), Sent())
    lent.strangers = strangers  # type: ignore[attr-defined]
    yield lent
    lent.close_all()


def side(host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, 0))
    return sock


@pytest.fixture
def sides() -> Iterator[tuple[socket.socket, socket.socket, socket.socket]]:
    one, other, third = side(), side(), side("::1")
    yield one, other, third
    for each in (one, other, third):
        each.close()


Three = tuple[socket.socket, socket.socket, socket.socket]


def of(sock: socket.socket) -> Endpoint:
    return Endpoint(*sock.getsockname()[:2])


async def received(sock: socket.socket, count: int = 1) -> list[tuple[bytes, Endpoint]]:
    found: list[tuple[bytes, Endpoint]] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            try:
                data, source = sock.recvfrom(65535)
                found.append((data, Endpoint(*source[:2])))
            except BlockingIOError:
                await asyncio.sleep(0.005)
    return found


async def test_two_that_are_joined_hear_each_other_from_the_port(
    ports: RelayPorts, sides: Three
) -> None:
    one, other, _ = sides
    port = ports.open()
    assert port == FIRST
    ports.join(port, of(one), of(other))
    one.sendto(b"from one", ("127.0.0.1", port))
    assert await received(other) == [(b"from one", Endpoint("127.0.0.1", port))]
    other.sendto(b"from the other", ("127.0.0.1", port))
    assert await received(one) == [(b"from the other", Endpoint("127.0.0.1", port))]
    assert (ports.counters.datagrams, ports.counters.bytes) == (2, 22)


async def test_a_train_stays_one(ports: RelayPorts, sides: Three) -> None:
    one, other, _ = sides
    port = ports.open()
    assert port is not None
    ports.join(port, of(one), of(other))
    cars = [bytes([number]) * 1400 for number in range(20)] + [b"last" * 10]
    DatagramSocket(one).send([b"".join(cars)], 1400, Endpoint("127.0.0.1", port))
    assert [data for data, _ in await received(other, 21)] == cars
    assert ports.counters.datagrams == 21


@pytest.mark.parametrize("ecn", range(4))
async def test_the_field_of_ecn_is_passed_on(ports: RelayPorts, sides: Three, ecn: int) -> None:
    one, _, other = sides
    port = ports.open()
    assert port is not None
    ports.join(port, of(one), of(other))
    there = DatagramSocket(other)
    there.heed_marks()
    DatagramSocket(one).send([bytes(20 * 1400)], 1400, Endpoint("127.0.0.1", port), ecn)
    buffer = memoryview(bytearray(65536))
    await asyncio.get_running_loop().run_in_executor(None, select, [other], [], [], 5)
    got = there.receive_into(buffer)
    assert got is not None
    assert (got[0], got[3]) == (20 * 1400, ecn)


async def test_a_pair_sends_no_more_than_its_rate_and_of_a_train_the_first(sides: Three) -> None:
    one, other, _ = sides
    rate = RelayRate(1)
    ports = RelayPorts(FIRST, LAST, lambda *_: None, rate=rate)
    port = ports.open()
    assert port is not None
    ports.join(port, of(one), of(other))
    trains = 2 * rate.bytes_per_s // (40 * 1400)
    for _ in range(trains):
        DatagramSocket(one).send([bytes(40 * 1400)], 1400, Endpoint("127.0.0.1", port))
        await asyncio.sleep(0.01)
    counters = ports.counters
    await eventually(lambda: counters.bytes + counters.over_rate == trains * 40 * 1400)
    assert rate.bytes_per_s - 1400 <= counters.bytes < 1.9 * rate.bytes_per_s
    assert counters.bytes % 1400 == 0
    # What the other sends is another matter.
    other.sendto(b"back", ("127.0.0.1", port))
    assert await received(one) == [(b"back", Endpoint("127.0.0.1", port))]
    ports.close_all()


async def test_an_ipv4_side_and_an_ipv6_side_are_joined(ports: RelayPorts, sides: Three) -> None:
    one, _, other = sides
    port = ports.open()
    assert port is not None
    ports.join(port, of(one), of(other))
    one.sendto(b"four", ("127.0.0.1", port))
    assert await received(other) == [(b"four", Endpoint("::1", port))]
    other.sendto(b"six", ("::1", port))
    assert await received(one) == [(b"six", Endpoint("127.0.0.1", port))]


async def test_what_comes_from_elsewhere_goes_to_nobody_but_the_relay(
    ports: RelayPorts, sides: Three
) -> None:
    one, other, third = sides
    port = ports.open()
    assert port is not None
    ports.join(port, of(one), of(third))
    other.sendto(b"hello", ("127.0.0.1", port))
    strangers: list[object] = ports.strangers  # type: ignore[attr-defined]
    await eventually(lambda: bool(strangers))
    assert strangers == [(port, b"hello", of(other))]
    assert ports.counters.datagrams == 0


async def test_each_port_has_its_turn_and_a_range_has_an_end(ports: RelayPorts) -> None:
    first, second = ports.open(), ports.open()
    assert (first, second) == (FIRST, FIRST + 1)
    ports.close(FIRST)
    assert [ports.open() for _ in range(4)] == [FIRST + 2, FIRST + 3, FIRST, None]


async def test_ports_that_lead_nowhere_are_not_lent() -> None:
    allowed = {FIRST + 1, LAST}
    ports = RelayPorts(FIRST, LAST, lambda *_: None, may_lend=allowed.__contains__)
    assert [ports.open(), ports.open(), ports.open()] == [FIRST + 1, LAST, None]
    ports.close(FIRST + 1)
    assert ports.open() == FIRST + 1
    ports.close_all()


async def test_a_port_that_another_program_has_is_passed_over(ports: RelayPorts) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", FIRST))
        assert ports.open() == FIRST + 1


async def test_who_forwards_is_told_of_each_pair_and_of_its_end(
    ports: RelayPorts, sides: Three
) -> None:
    one, other, _ = sides
    port = ports.open()
    assert port is not None
    ports.join(port, of(one), of(other))
    ports.close(port)
    forwarder = ports._forwarder
    assert isinstance(forwarder, Sent)
    assert forwarder.told == [(port, of(one), of(other)), (port,)]


async def test_what_cannot_be_sent_is_counted(ports: RelayPorts) -> None:
    port = ports.open()
    assert port is not None
    ports.send(port, bytes(70_000), Endpoint("127.0.0.1", 9))
    assert ports.counters.send_failed == 1
