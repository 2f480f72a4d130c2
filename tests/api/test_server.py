"""The server against clients that behave, and against those that do not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from meshdht.api import server as server_module
from meshdht.api.device_messages import GetDevices
from meshdht.api.errors import Disconnected, SocketInUse
from meshdht.api.messages import (
    REQUEST_BYTES_MAX,
    CreateInvite,
    Done,
    Down,
    GetStatus,
    Hello,
    PeerChanged,
    Ping,
    Subscribe,
    encode_line,
)
from meshdht.api.server import ApiServer
from meshdht.api.subscription import subscribe
from meshdht.api.version import API_VERSION
from tests.api.fake_daemon import LAPTOP, STATUS, FakeService

HELLO = encode_line(Hello(version=API_VERSION))


@pytest.fixture
async def service(socket_path: Path) -> AsyncIterator[FakeService]:
    service = FakeService()
    async with ApiServer(socket_path, service):
        yield service


class Wire:
    """A bare connection: bytes out, JSON in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> Any:
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):
                line = await self.reader.readline()
                return json.loads(line) if line else None
        return None

    async def ask(self, *lines: bytes) -> Any:
        self.writer.writelines(lines)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()
        return await self.read()


@contextlib.asynccontextmanager
async def dial(path: Path) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until(condition: Any) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen within five seconds")


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_all(directory: Path, socket: Path) -> None:
    directory.chmod(0o755)
    socket.chmod(0o666)


@pytest.mark.usefixtures("service")
async def test_a_connection_is_greeted_and_serves_several_requests(socket_path: Path) -> None:
    async with dial(socket_path) as wire:
        assert (await wire.ask(HELLO))["version"] == API_VERSION
        assert (await wire.ask(encode_line(GetStatus())))["status"]["network"] == "home"
        devices = (await wire.ask(encode_line(GetDevices())))["devices"]["devices"]
        assert [device["name"] for device in devices] == ["nas", "phone", "laptop", "attic"]


async def test_an_invite_reaches_the_service_as_asked(
    service: FakeService, socket_path: Path
) -> None:
    asked = CreateInvite(name="pi", expires_s=60, uses=3)
    async with dial(socket_path) as wire:
        await wire.ask(HELLO)
        reply = await wire.ask(encode_line(asked))
    assert reply["invite"]["link"].startswith("meshdht://")
    assert service.invites == [asked]


@pytest.mark.usefixtures("service")
async def test_pongs_end_with_done_and_the_connection_goes_on(socket_path: Path) -> None:
    async with dial(socket_path) as wire:
        await wire.ask(HELLO)
        first = await wire.ask(encode_line(Ping(peer="phone", count=2)))
        assert first["pong"]["path"]["kind"] == "relay"
        assert (await wire.read())["pong"]["sequence"] == 1
        assert await wire.read() == {"type": "done"}
        assert (await wire.ask(encode_line(GetStatus())))["type"] == "status"


@pytest.mark.usefixtures("service")
async def test_a_service_error_keeps_its_words_and_exit_code(socket_path: Path) -> None:
    async with dial(socket_path) as wire:
        await wire.ask(HELLO)
        for request in (CreateInvite(name="nas"), Ping(peer="nobody")):
            reply = await wire.ask(encode_line(request))
            assert reply["type"] == "failure"
            assert reply["exit_code"] == 2
            assert reply["hint"]


@pytest.mark.usefixtures("service")
async def test_a_fault_of_the_daemon_is_logged_and_told_without_a_traceback(
    socket_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with dial(socket_path) as wire:
        await wire.ask(HELLO)
        reply = await wire.ask(encode_line(CreateInvite(name="broken")))
        assert reply["message"] == "the daemon failed inside: RuntimeError: a fault inside"
        assert "a request failed" in caplog.text
        assert (await wire.ask(encode_line(GetStatus())))["type"] == "status"


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    "opening",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n",
        b"\xff\xfe\x00\n",
        b'{"type": "status"}\n',
        encode_line(Hello(version=99)),
        HELLO + b"nonsense\n",
        HELLO + HELLO,
        b"x" * (REQUEST_BYTES_MAX + 100),
        HELLO + b"x" * (REQUEST_BYTES_MAX * 4),
    ],
)
async def test_what_is_not_a_request_is_refused_in_words(socket_path: Path, opening: bytes) -> None:
    async with dial(socket_path) as wire:
        reply = await wire.ask(opening)
        if reply["type"] == "welcome":
            reply = await wire.read()
        assert reply["type"] == "failure"
        assert reply["message"]
    async with dial(socket_path) as wire:
        assert (await wire.ask(HELLO, encode_line(GetStatus())))["type"] == "welcome"
        assert (await wire.read())["type"] == "status"


@pytest.mark.usefixtures("service")
async def test_half_a_line_and_then_the_end_is_no_request(socket_path: Path) -> None:
    async with dial(socket_path) as wire:
        await wire.ask(HELLO)
        wire.writer.write(b'{"type": "down"')
        wire.writer.write_eof()
        assert await wire.read() is None


async def test_the_stream_begins_with_a_snapshot_and_is_numbered(
    service: FakeService, socket_path: Path
) -> None:
    async with dial(socket_path) as wire:
        await wire.ask(HELLO)
        first = await wire.ask(encode_line(Subscribe()))
        assert (first["sequence"], first["event"]["type"]) == (0, "snapshot")
        service.change(replace(LAPTOP, rtt_ms=1.0))
        second = await wire.read()
        assert (second["sequence"], second["event"]["type"]) == (1, "peer_changed")


async def test_the_events_of_one_look_are_one_write(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    write = asyncio.StreamWriter.write

    def noted(writer: asyncio.StreamWriter, data: bytes) -> None:
        written.append(data)
        write(writer, data)

    async with contextlib.aclosing(subscribe(socket_path)) as events:
        await anext(events)
        monkeypatch.setattr(asyncio.StreamWriter, "write", noted)
        service.change(*(replace(LAPTOP, id=f"{n}" * 32, rtt_ms=float(n)) for n in range(9)))
        came = [await anext(events) for _ in range(9)]
    assert {event.peer.rtt_ms for event in came if isinstance(event, PeerChanged)} == set(range(9))
    assert [data.count(b"\n") for data in written] == [9]


@pytest.mark.parametrize("request_", [Subscribe(), Ping(peer="phone", count=1_000_000)])
async def test_a_stream_ends_when_its_client_leaves(
    service: FakeService, socket_path: Path, request_: Any
) -> None:
    async with dial(socket_path) as wire:
        await wire.ask(HELLO, encode_line(request_))
        await until(lambda: service.streams_open == 1)
    await until(lambda: service.streams_open == 0)
    assert service.streams_open == 0


async def test_a_client_that_speaks_during_a_stream_is_let_go(
    service: FakeService, socket_path: Path
) -> None:
    async with dial(socket_path) as wire:
        await wire.ask(HELLO, encode_line(Subscribe()))
        await wire.read()
        wire.writer.write(b"x")
        await until(lambda: service.streams_open == 0)
        assert await wire.read() is None


async def test_a_subscriber_that_does_not_read_is_cut_off(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "SEND_TIMEOUT_S", 0.2)
    monkeypatch.setattr(server_module, "CLOSE_TIMEOUT_S", 0.1)
    wide = tuple(replace(LAPTOP, id=str(n), name="n" * 1000) for n in range(2000))
    service.snapshot = replace(STATUS, peers=wide)
    reader, writer = await asyncio.open_unix_connection(socket_path, limit=1024)
    writer.write(HELLO + encode_line(Subscribe()))
    await until(lambda: service.streams_open == 1)
    await until(lambda: service.streams_open == 0)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    assert not reader.at_eof()


@pytest.mark.usefixtures("service")
async def test_one_client_too_many_is_told_so(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "CONNECTIONS_MAX", 2)
    async with dial(socket_path) as first, dial(socket_path) as second:
        await first.ask(HELLO)
        await second.ask(HELLO)
        async with dial(socket_path) as third:
            assert "already serves 2 clients" in (await third.ask(HELLO))["message"]
    async with dial(socket_path) as fourth:
        assert (await fourth.ask(HELLO))["type"] == "welcome"


@pytest.mark.usefixtures("service")
async def test_a_client_that_never_says_hello_is_let_go(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "HELLO_TIMEOUT_S", 0.05)
    async with dial(socket_path) as wire:
        assert await wire.read() is None


async def test_closing_ends_streams_and_removes_the_socket(socket_path: Path) -> None:
    service = FakeService()
    async with ApiServer(socket_path, service):
        events = subscribe(socket_path)
        await anext(events)
    with pytest.raises(Disconnected):
        await anext(events)
    assert service.streams_open == 0
    assert names_in(socket_path.parent) == []


async def test_a_daemon_may_close_its_api_from_within_a_request(socket_path: Path) -> None:
    service = FakeService()
    async with ApiServer(socket_path, service), dial(socket_path) as wire:
        assert (await wire.ask(HELLO, encode_line(Down())))["type"] == "welcome"
        assert (await wire.read()) == {"type": Done.__struct_config__.tag}
        assert service.stopped.is_set()


async def test_a_second_daemon_is_refused_and_the_first_goes_on(
    service: FakeService, socket_path: Path
) -> None:
    with pytest.raises(SocketInUse, match="already serves network 'home'"):
        await ApiServer(socket_path, service).start()
    async with dial(socket_path) as wire:
        assert (await wire.ask(HELLO))["type"] == "welcome"


@pytest.mark.usefixtures("service")
async def test_the_socket_is_for_owner_and_group(socket_path: Path) -> None:
    assert mode_of(socket_path) == 0o660


STRANGER = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(b'{"type":"hello","version":1}\\n{"type":"status"}\\n')
sys.stdout.write(s.makefile().readline())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
@pytest.mark.usefixtures("service")
async def test_a_stranger_on_this_machine_is_refused_by_name(
    runtime_dir: Path, socket_path: Path
) -> None:
    open_to_all(runtime_dir, socket_path)
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", STRANGER, str(socket_path)],
        capture_output=True,
        text=True,
        timeout=30,
        cwd="/",
    )
    reply = json.loads(result.stdout)
    assert reply["type"] == "failure"
    assert "user nobody may not" in reply["message"]
    assert "usermod -aG meshdht nobody" in reply["hint"]
