from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest

from meshdht.datagrams import MARKED, DatagramSocket
from meshdht.endpoint import LOOPBACK
from meshdht.limits import STREAM_BACKLOG
from meshdht.net.stream import ClientSide, ServerSide
from tests.engine.eventually import eventually
from tests.net.streams import CONTROL, Machine, Port, client, serving


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    async with serving() as machine:
        yield machine


async def test_datagrams_go_both_ways_between_the_main_ports(machine: Machine) -> None:
    async with client(machine) as one:
        one.port.say(one.legs[0], b"ask")
        await eventually(lambda: machine.port.heard == [b"ask"])
        source = machine.port.got[0][1]
        assert machine.legs == [source]
        machine.port.say(source, b"answer")
        await eventually(lambda: one.port.heard == [b"answer"])
        assert one.port.got[0][1] == one.legs[0]
    await eventually(lambda: machine.gone == machine.legs)


async def test_each_port_of_the_machine_is_an_endpoint_of_its_own(machine: Machine) -> None:
    allocation = Port()
    machine.open_ports.add(allocation.number)
    async with client(machine) as one:
        one.port.say(one.legs[0], b"bind")
        await eventually(lambda: bool(machine.port.got))
        # One address for the client, whichever port speaks to it.
        allocation.say(machine.port.got[0][1], b"bound")
        await eventually(lambda: one.port.heard == [b"bound"])
        leg = one.port.got[0][1]
        assert leg != one.legs[0]
        assert one.legs[allocation.number] == leg
        one.port.say(leg, b"to the other side")
        await eventually(lambda: allocation.heard == [b"to the other side"])
        assert allocation.got[0][1] == machine.port.got[0][1]
    allocation.close()


async def test_no_other_port_of_the_machine_is_reached(machine: Machine) -> None:
    closed = Port()
    machine.open_ports.add(closed.number)
    async with client(machine) as one:
        one.port.say(one.legs[0], b"first")
        await eventually(lambda: bool(machine.port.got))
        closed.say(machine.port.got[0][1], b"a leg")
        await eventually(lambda: closed.number in one.legs)
        machine.open_ports.clear()
        one.port.say(one.legs[closed.number], b"no more")
        one.port.say(one.legs[0], b"last")
        await eventually(lambda: machine.port.heard == [b"first", b"last"])
        closed.say(machine.port.got[0][1], b"nor back")
        machine.port.say(machine.port.got[0][1], b"done")
        await eventually(lambda: one.port.heard[-1:] == [b"done"])
        assert one.port.heard == [b"a leg", b"done"]
        assert closed.heard == []
    await eventually(lambda: machine.server.counters["closed port"] == 1)
    closed.close()


async def test_only_our_own_port_speaks_by_a_leg(machine: Machine) -> None:
    stranger = Port()
    async with client(machine) as one:
        stranger.say(one.legs[0], b"from another program of this machine")
        one.port.say(one.legs[0], b"from us")
        await eventually(lambda: machine.port.heard == [b"from us"])
    stranger.close()


async def test_hundreds_of_large_datagrams_arrive_whole_and_in_order(machine: Machine) -> None:
    async with client(machine) as one:
        sent = [b"%04d" % number + bytes(1300) for number in range(300)]
        for start in range(0, len(sent), 30):
            for each in sent[start : start + 30]:
                one.port.say(one.legs[0], each)
            await eventually(partial(_has, machine.port, start + 30))
        assert machine.port.heard == sent


def _has(port: Port, count: int) -> bool:
    return len(port.got) >= count


async def test_what_the_stream_cannot_take_is_dropped_and_counted(machine: Machine) -> None:
    async with client(machine) as one:
        transport = one.junction._writer.transport
        size = 0

        def backlog() -> int:
            return size

        transport.get_write_buffer_size = backlog  # type: ignore[method-assign]
        size = STREAM_BACKLOG + 1
        one.port.say(one.legs[0], b"too much")
        await eventually(lambda: one.junction.dropped == 1)
        size = 0
        one.port.say(one.legs[0], b"again")
        await eventually(lambda: machine.port.heard == [b"again"])


async def test_what_a_router_has_marked_is_dropped_and_not_passed_on_without_its_mark(
    machine: Machine,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.bind((LOOPBACK, 0))
        machine.open_ports.add(sock.getsockname()[1])
        allocation = DatagramSocket(sock)
        async with client(machine) as one:
            one.port.say(one.legs[0], b"bind")
            await eventually(lambda: bool(machine.port.got))
            stream = machine.port.got[0][1]
            for field, text in ((MARKED, b"marked"), (MARKED - 1, b"may be marked"), (0, b"no")):
                allocation.send_one(CONTROL + text, stream, field)
            await eventually(lambda: len(one.port.got) == 2)
            assert one.port.heard == [b"may be marked", b"no"]
    await eventually(lambda: machine.server.counters["marked"] == 1)


async def test_a_side_that_is_closed_twice_does_no_harm() -> None:
    for side in (ServerSide(1, bool), ClientSide(1, lambda port, at: None)):
        side.close()
        side.close()
