"""Legs: another socket stands for one far end, in trains, both ways, and for nobody else."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from select import select

import pytest

from meshdht.datagrams import DatagramSocket
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.limits import LEGS_MAX
from meshdht.net.leg import LegSockets
from tests.engine.eventually import eventually

# <linux/udp.h>
UDP_GRO = 104
CONTROL = bytes([200]) * 40


class Ended:
    """A plain UDP socket on loopback, and what it heard."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind((host, 0))
        self.endpoint = Endpoint(host, self.sock.getsockname()[1])

    def heard(self) -> list[tuple[bytes, Endpoint]]:
        found: list[tuple[bytes, Endpoint]] = []
        while True:
            try:
                data, address = self.sock.recvfrom(65535)
            except BlockingIOError:
                return found
            found.append((data, Endpoint(address[0], address[1])))

    async def hears(self, count: int) -> list[tuple[bytes, Endpoint]]:
        found: list[tuple[bytes, Endpoint]] = []

        def enough() -> bool:
            found.extend(self.heard())
            return len(found) >= count

        await eventually(enough)
        return found

    def send_train(self, pieces: list[bytes], each: int, to: Endpoint) -> None:
        DatagramSocket(self.sock).send([memoryview(b"".join(pieces))], each, to)
        # What comes is heard one by one.
        self.sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 0)

    def close(self) -> None:
        self.sock.close()


@pytest.fixture
def ours() -> Iterator[Ended]:
    with closing(Ended()) as end:
        yield end


@asynccontextmanager
async def legs_of(ours: Ended) -> AsyncIterator[tuple[LegSockets, list[tuple[bytes, Endpoint]]]]:
    foreign: list[tuple[bytes, Endpoint]] = []
    legs = LegSockets(ours.endpoint.port, lambda data, source: foreign.append((data, source)))
    try:
        yield legs, foreign
    finally:
        legs.close_all()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_what_is_sent_to_a_leg_goes_on_and_its_answer_comes_back(
    ours: Ended, host: str
) -> None:
    async with legs_of(ours) as (legs, _):
        with closing(Ended(host)) as far:
            leg = legs.open(far.endpoint)
            assert leg is not None
            ours.sock.sendto(b"out", leg)
            [(data, source)] = await far.hears(1)
            assert data == b"out"
            assert source == Endpoint(host, legs.port(leg))
            assert source.port != ours.endpoint.port
            far.sock.sendto(b"back", source)
            assert await ours.hears(1) == [(b"back", leg)]


async def test_trains_pass_whole_in_both_directions(ours: Ended) -> None:
    async with legs_of(ours) as (legs, _):
        with closing(Ended()) as far:
            leg = legs.open(far.endpoint)
            assert leg is not None
            pieces = [bytes([number]) * 1300 for number in range(40)] + [b"last"]
            ours.send_train(pieces, 1300, leg)
            heard = await far.hears(len(pieces))
            assert [data for data, _ in heard] == pieces
            far.send_train(pieces, 1300, heard[0][1])
            back = await ours.hears(len(pieces))
            assert [data for data, _ in back] == pieces
            assert {source for _, source in back} == {leg}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("count", [1, 20])
async def test_the_field_of_ecn_passes_with_its_train_in_both_directions(
    ours: Ended, host: str, count: int
) -> None:
    async with legs_of(ours) as (legs, _):
        with closing(Ended(host)) as far:
            leg = legs.open(far.endpoint)
            assert leg is not None
            here, there = DatagramSocket(ours.sock), DatagramSocket(far.sock)
            here.heed_marks()
            there.heed_marks()
            train = [bytes(1300 * count)]
            for ecn in range(4):
                here.send(train, 1300, leg, ecn)
                size, _, source, field = await whole(there)
                assert (size, field) == (1300 * count, ecn)
                there.send(train, 1300, source, ecn)
                size, _, source, field = await whole(here)
                assert (size, source, field) == (1300 * count, leg, ecn)


async def whole(sock: DatagramSocket) -> tuple[int, int, Endpoint, int]:
    """The next train that comes."""
    buffer = memoryview(bytearray(65536))
    await asyncio.get_running_loop().run_in_executor(None, select, [sock.fileno()], [], [], 5)
    got = sock.receive_into(buffer)
    assert got is not None
    return got


async def test_nobody_else_speaks_through_a_leg(ours: Ended) -> None:
    async with legs_of(ours) as (legs, foreign):
        with closing(Ended()) as far, closing(Ended()) as stranger:
            leg = legs.open(far.endpoint)
            assert leg is not None
            # Neither another program on this machine, nor another sender in the network.
            stranger.sock.sendto(b"mine", leg)
            stranger.sock.sendto(CONTROL, ("127.0.0.1", legs.port(leg)))
            stranger.sock.sendto(b"\x04\0\0\0" + bytes(28), ("127.0.0.1", legs.port(leg)))
            await eventually(lambda: legs.counters["foreign"] == 1)
            assert foreign == [(CONTROL, stranger.endpoint)]
            assert legs.counters["not_ours"] == 1
            assert far.heard() == ours.heard() == []


async def test_a_far_end_that_is_away_ends_no_leg(ours: Ended) -> None:
    async with legs_of(ours) as (legs, _):
        with closing(Ended()) as far:
            endpoint = far.endpoint
        leg = legs.open(endpoint)
        assert leg is not None
        for _ in range(5):
            ours.sock.sendto(b"lost", leg)
            await asyncio.sleep(0.01)
        again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with closing(again):
            again.bind(endpoint)
            again.setblocking(False)
            ours.sock.sendto(b"found", leg)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(5):
                while await loop.sock_recv(again, 100) != b"found":
                    pass


async def test_there_are_no_more_legs_than_there_may_be_and_files_enough_for_them(
    ours: Ended,
) -> None:
    async with legs_of(ours) as (legs, _):
        opened = [legs.open(Endpoint("192.0.2.1", 7)) for _ in range(LEGS_MAX)]
        assert None not in opened
        assert len(set(opened)) == len(legs) == LEGS_MAX
        assert legs.open(Endpoint("192.0.2.1", 7)) is None
        assert legs.counters["too_many"] == 1
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 2 * LEGS_MAX


async def test_a_closed_leg_is_gone_and_a_machine_without_sockets_is_told_so(
    ours: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with legs_of(ours) as (legs, _):
        leg = legs.open(ours.endpoint)
        assert leg is not None
        assert len(legs) == 1
        legs.close(leg)
        legs.close(leg)
        assert len(legs) == 0
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as freed:
            freed.bind(leg)

        def none_left(*_: object) -> socket.socket:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(socket, "socket", none_left)
        assert legs.open(Endpoint("192.0.2.1", 1)) is None
        assert legs.counters["no_socket"] == 1


async def test_a_spare_makes_a_leg_for_each_far_end_that_is_welcome(ours: Ended) -> None:
    met: dict[Endpoint, Endpoint] = {}
    async with legs_of(ours) as (legs, foreign):
        with closing(Ended()) as one, closing(Ended()) as other, closing(Ended()) as stranger:
            welcome = (one.endpoint, other.endpoint)
            spare = legs.open_spare(
                lambda far: far in welcome, lambda leg, far: met.update({far: leg})
            )
            assert spare is not None
            spare.send(b"out", one.endpoint)
            ((datagram, outer),) = await one.hears(1)
            assert datagram == b"out"
            for end in (one, other, stranger):
                end.sock.sendto(CONTROL, (LOOPBACK, outer.port))
            came = await ours.hears(2)
            legs_met = [(CONTROL, met[each.endpoint]) for each in (one, other)]
            assert sorted(came) == sorted(legs_met)
            await eventually(lambda: foreign == [(CONTROL, stranger.endpoint)])
            # Both ways, by the same socket, and for the ones that met alone once it is closed.
            ours.sock.sendto(b"by the leg", met[other.endpoint])
            assert await other.hears(1) == [(b"by the leg", Endpoint(LOOPBACK, outer.port))]
            spare.close()
            legs.close(met[one.endpoint])
            one.sock.sendto(CONTROL, (LOOPBACK, outer.port))
            other.sock.sendto(b"still", (LOOPBACK, outer.port))
            assert await ours.hears(1) == [(b"still", met[other.endpoint])]
            assert len(legs) == 1
            legs.close(met[other.endpoint])
            assert len(legs) == 0


async def test_a_spare_that_nobody_came_to_is_gone_once_it_is_closed(ours: Ended) -> None:
    async with legs_of(ours) as (legs, _):
        spares = [legs.open_spare(lambda far: True, lambda *_: None) for _ in range(LEGS_MAX)]
        assert legs.open(ours.endpoint) is None
        assert legs.open_spare(lambda far: True, lambda *_: None) is None
        for spare in spares:
            assert spare is not None
            spare.close()
            spare.close()
        assert len(legs) == 0
        leg = legs.open(ours.endpoint)
        assert leg is not None
