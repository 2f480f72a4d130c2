"""A stream comes while UDP gets nowhere, and goes when it does; against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from meshdht.clock import SystemClock, SystemEntropy
from meshdht.crypto.keys import PacketKey
from meshdht.daemon import streams
from meshdht.daemon.streams import StreamClient
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.errors import JoinFailed
from meshdht.net.stream_client import Stream, open_stream
from meshdht.paths.candidate import PathKind
from meshdht.paths.legs import Legs, OpenPort
from tests.engine.eventually import eventually
from tests.net.streams import KEY, OTHER, Machine, Port, serving

NOBODY = Endpoint(LOOPBACK, 1)


class User:
    """Who may be cut off."""

    def __init__(self, *servers: Endpoint, key: PacketKey = KEY) -> None:
        self._servers = servers
        self._key = key
        self.cut_off = True
        self.way = False
        self.legs = Legs()
        self.open: dict[Endpoint, PathKind] = {}
        self.entered: list[Endpoint] = []

    def finds_cut_off(self) -> bool:
        return self.cut_off

    def has_way(self) -> bool:
        return self.way

    def packet_key(self) -> PacketKey:
        return self._key

    def servers(self) -> Sequence[Endpoint]:
        return self._servers

    def leg_opened(
        self,
        leg: Endpoint,
        kind: PathKind,
        open_port: OpenPort | None = None,
        stream: Endpoint | None = None,
    ) -> None:
        self.legs.opened(leg, kind, open_port, stream=stream)
        self.open[leg] = kind

    def leg_closed(self, leg: Endpoint) -> None:
        self.legs.closed(leg)
        del self.open[leg]

    def ask_to_enter(self, endpoint: Endpoint) -> None:
        self.entered.append(endpoint)


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_S", 0.02)
    monkeypatch.setattr(streams, "STAGGER_S", 0.02)


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    async with serving() as machine:
        yield machine


@asynccontextmanager
async def client(user: User) -> AsyncIterator[tuple[StreamClient, Port]]:
    port = Port()
    async with StreamClient(port.number, SystemClock(), SystemEntropy()) as client:
        client.serve(user)
        yield client, port
    port.close()


async def test_who_is_cut_off_reaches_a_machine_by_a_stream(machine: Machine) -> None:
    user = User(NOBODY, machine.at)
    async with client(user) as (stream, port):
        await eventually(lambda: bool(user.entered))
        assert stream.server == machine.at
        (leg,) = user.open
        assert user.open[leg] is PathKind.DIRECT
        port.say(leg, b"hello")
        await eventually(lambda: machine.port.heard == [b"hello"])
        relay_port = Port()
        machine.open_ports.add(relay_port.number)
        relayed = user.legs.at_port(leg, relay_port.number)
        assert relayed is not None
        assert user.open[relayed] is PathKind.RELAY
        port.say(relayed, b"to a peer")
        await eventually(lambda: relay_port.heard == [b"to a peer"])
        relay_port.close()
    assert user.open == {}


async def test_what_goes_wrong_meanwhile_comes_out_as_it_is() -> None:
    with pytest.raises(JoinFailed, match="nobody"):
        async with StreamClient(1, SystemClock(), SystemEntropy()):
            raise JoinFailed("nobody is there")


async def test_who_is_not_cut_off_opens_nothing(machine: Machine) -> None:
    user = User(machine.at)
    user.cut_off = False
    async with client(user) as (stream, _):
        await eventually(lambda: stream.server is None)
        assert machine.server.streams == 0
        user.cut_off = True
        await eventually(lambda: bool(user.open))


async def test_who_had_a_stream_when_it_stopped_does_not_wait_to_be_cut_off(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "DOUBTED_S", 0.2)
    user, port = User(NOBODY), Port()
    user.cut_off = False
    async with StreamClient(
        port.number, SystemClock(), SystemEntropy(), last=machine.at, key=KEY
    ) as stream:
        await eventually(lambda: machine.server.streams == 1)
        stream.serve(user)
        await eventually(lambda: bool(user.open))
        assert stream.server == machine.at
        user.way = True
        await eventually(lambda: user.open == {})
        assert stream.server is None
    port.close()


@pytest.mark.parametrize("server", [NOBODY, Endpoint(LOOPBACK, 0)])
async def test_where_the_last_server_is_not_there_others_are_tried(
    machine: Machine, server: Endpoint
) -> None:
    user, port = User(machine.at), Port()
    async with StreamClient(
        port.number, SystemClock(), SystemEntropy(), last=server, key=KEY
    ) as stream:
        stream.serve(user)
        await eventually(lambda: stream.server == machine.at)
    port.close()


async def test_a_server_that_lets_the_first_try_hang_is_tried_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Endpoint] = []

    async def lossy(to: Endpoint, *rest: Any) -> Stream:
        tries.append(to)
        if len(tries) == 1:
            await asyncio.sleep(30)
        return await open_stream(to, *rest)

    monkeypatch.setattr(streams, "open_stream", lossy)
    monkeypatch.setattr(streams, "STAGGER_S", 1.5)  # in which the second try comes through
    user = User(machine.at)
    async with client(user):
        await eventually(lambda: bool(user.open))
    assert tries == [machine.at] * 2


async def test_the_stream_goes_once_udp_works(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SETTLED_S", 0.2)
    user = User(machine.at)
    async with client(user) as (stream, _):
        await eventually(lambda: bool(user.open))
        user.cut_off, user.way = False, True
        await eventually(lambda: user.open == {})
        await eventually(lambda: machine.server.streams == 0)
        assert stream.server is None


async def test_a_stream_that_breaks_is_opened_again(machine: Machine) -> None:
    user = User(machine.at)
    async with client(user):
        await eventually(lambda: bool(user.open))
        first = dict(user.open)
        for task in machine.server._tasks:
            task.cancel()
        await eventually(lambda: bool(user.open) and user.open != first)


async def test_what_is_open_stays_open_for_who_comes_after(machine: Machine) -> None:
    joiner, node = User(machine.at), User(machine.at)
    async with client(joiner) as (stream, _):
        await eventually(lambda: bool(joiner.open))
        stream.serve(node)
        assert node.open == joiner.open
        assert node.entered == joiner.entered
    assert node.open == {}


async def test_why_there_is_no_stream_is_told_once(
    machine: Machine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PAUSES_S", (0.05,))
    user = User(NOBODY, machine.at, key=OTHER)
    async with client(user) as (stream, _):
        await eventually(lambda: machine.server.counters["stranger"] >= 2)
        assert f"{machine.at}: who answers there is none of ours" in stream.trouble
        assert f"{NOBODY}: connection refused" in stream.trouble
    assert len([each for each in caplog.records if "UDP gets nowhere" in each.message]) == 1
