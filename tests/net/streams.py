"""A machine that serves streams, and clients of it, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from meshdht.clock import SystemEntropy
from meshdht.crypto.keys import PacketKey
from meshdht.endpoint import Endpoint
from meshdht.net.stream import ClientSide, Junction
from meshdht.net.stream_client import open_stream
from meshdht.net.stream_server import StreamServer
from meshdht.net.udp import UdpPort
from meshdht.wire.stream import FrameReader
from tests.engine.eventually import eventually

KEY, OTHER = PacketKey(bytes(32)), PacketKey(bytes(31) + b"\1")
CONTROL = bytes([200]) * 40


class Port:
    """A UDP port, and the datagrams that came to it."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, Endpoint]] = []
        self._port = UdpPort(0, lambda data, source: self.got.append((data, source)))
        self._port.start()
        self.number = self._port.port
        self.send = self._port.send
        self.close = self._port.close

    def say(self, to: Endpoint, text: bytes) -> None:
        self._port.send(CONTROL + text, to)

    @property
    def heard(self) -> list[bytes]:
        return [data[len(CONTROL) :] for data, _ in self.got]


@dataclass
class Machine:
    """One that serves streams."""

    port: Port = field(default_factory=Port)
    open_ports: set[int] = field(default_factory=set)
    legs: list[Endpoint] = field(default_factory=list)
    gone: list[Endpoint] = field(default_factory=list)
    keys: list[PacketKey] = field(default_factory=lambda: [KEY])
    at: Endpoint = field(init=False)

    async def start(self) -> None:
        self.server = StreamServer(
            self.port.number,
            lambda: self.keys,
            self.open_ports.__contains__,
            SystemEntropy(),
            lambda leg, client: self.legs.append(leg),
            self.gone.append,
        )
        self.at = Endpoint("127.0.0.1", await self.server.start(0))


@asynccontextmanager
async def serving() -> AsyncIterator[Machine]:
    machine = Machine()
    await machine.start()
    yield machine
    await machine.server.close()
    machine.port.close()


@dataclass
class Client:
    """One behind a stream: its port, and where it finds the ports of the machine."""

    port: Port
    legs: dict[int, Endpoint]
    junction: Junction
    task: asyncio.Task[None]


@asynccontextmanager
async def client(machine: Machine, key: PacketKey = KEY) -> AsyncIterator[Client]:
    port, legs = Port(), dict[int, Endpoint]()
    stream = await open_stream(machine.at, key, SystemEntropy())
    local = ClientSide(port.number, legs.__setitem__)
    junction = Junction(stream.reader, stream.writer, FrameReader(), local)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(junction.run())
        await eventually(lambda: 0 in legs)
        yield Client(port, legs, junction, task)
        task.cancel()
    port.close()
