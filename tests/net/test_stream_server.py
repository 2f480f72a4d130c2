from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from meshdht.clock import SystemEntropy
from meshdht.errors import PlatformError
from meshdht.limits import STRANGERS_PER_HOST, STREAMS_PER_HOST
from meshdht.net import stream_server
from meshdht.net.certificate import client_context
from meshdht.net.stream import close
from meshdht.net.stream_client import Stream, StreamFailed, open_stream
from meshdht.net.stream_server import StreamServer
from tests.engine.eventually import eventually
from tests.net.streams import KEY, OTHER, Machine, client, serving


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    async with serving() as machine:
        yield machine


async def test_a_member_of_an_older_generation_is_let_in(machine: Machine) -> None:
    machine.keys = [OTHER, KEY]
    async with client(machine) as one:
        one.port.say(one.legs[0], b"hello")
        await eventually(lambda: machine.port.heard == [b"hello"])


async def test_a_stranger_meets_a_web_server_that_has_nothing(machine: Machine) -> None:
    with pytest.raises(StreamFailed, match="none of ours"):
        await open_stream(machine.at, OTHER, SystemEntropy())
    reader, writer = await asyncio.open_connection(*machine.at, ssl=client_context())
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 404 ")
    await close(writer)
    await eventually(lambda: machine.server.counters["stranger"] == 2)
    assert machine.legs == []


async def test_who_says_nothing_is_cut_off(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_server, "GREETING_TIMEOUT_S", 0.1)
    reader, writer = await asyncio.open_connection(*machine.at, ssl=client_context())
    writer.write(b"\0\0\0")
    assert await reader.read() == b""
    await close(writer)
    await eventually(lambda: machine.server.counters["silent"] == 1)


async def test_strangers_and_streams_of_one_address_are_few(machine: Machine) -> None:
    waiting = [
        await asyncio.open_connection(*machine.at, ssl=client_context())
        for _ in range(STRANGERS_PER_HOST)
    ]
    await eventually(lambda: machine.server._strangers.total() == STRANGERS_PER_HOST)
    with pytest.raises(StreamFailed):
        await open_stream(machine.at, KEY, SystemEntropy())
    for _, writer in waiting:
        await close(writer)
    await eventually(lambda: machine.server._strangers.total() == 0)
    streams: list[Stream] = []
    for _ in range(STREAMS_PER_HOST):
        streams.append(await open_stream(machine.at, KEY, SystemEntropy()))
    await eventually(lambda: machine.server.streams == STREAMS_PER_HOST)
    with pytest.raises(StreamFailed):
        await open_stream(machine.at, KEY, SystemEntropy())
    for each in streams:
        await close(each.writer)
    await eventually(lambda: machine.server.streams == 0)


async def test_a_malformed_frame_ends_the_stream(machine: Machine) -> None:
    stream = await open_stream(machine.at, KEY, SystemEntropy())
    stream.writer.write(bytes(4))
    assert await stream.reader.read() == b""
    await close(stream.writer)
    await eventually(lambda: machine.gone == machine.legs != [])


async def test_a_taken_port_is_told(machine: Machine) -> None:
    second = Machine()
    server = StreamServer(1, lambda: [], bool, SystemEntropy(), print, print)
    with pytest.raises(PlatformError, match="cannot listen on TCP port"):
        await server.start(machine.at.port)
    second.port.close()


async def test_the_machine_that_ends_ends_its_streams(machine: Machine) -> None:
    async with client(machine) as one:
        await machine.server.close()
        await asyncio.wait_for(one.task, 5)
