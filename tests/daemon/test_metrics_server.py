"""Counters over HTTP on the loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from meshdht.api.messages import Status
from meshdht.api.metrics import metrics_text
from meshdht.daemon import metrics_server
from meshdht.daemon.metrics_server import CONNECTIONS_MAX, MetricsServer
from meshdht.errors import PlatformError
from tests.api.fake_daemon import STATUS


async def status() -> Status:
    return STATUS


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server, number = MetricsServer(status), free_port()
    await server.serve_at(number)
    yield number
    await server.close()


async def answer(port: int, request: str) -> tuple[str, str]:
    """The status line and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    raw = (await reader.read()).decode()
    writer.close()
    head, _, body = raw.partition("\r\n\r\n")
    return head.partition("\r\n")[0], body


def get(path: str, host: str = "127.0.0.1:9586") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/plain\r\n\r\n"


async def test_metrics_are_served(port: int) -> None:
    request = get("/metrics", f"localhost:{port}")
    assert await answer(port, request) == ("HTTP/1.1 200 OK", metrics_text(STATUS))
    assert (await answer(port, "GET /metrics?x=1 HTTP/1.0\r\n\r\n"))[0] == "HTTP/1.1 200 OK"


async def test_nothing_else_is(port: int) -> None:
    host = f"127.0.0.1:{port}"
    assert "404" in (await answer(port, get("/", host)))[0]
    assert "405" in (await answer(port, get("/metrics", host).replace("GET", "POST")))[0]


async def test_a_web_page_reads_nothing_by_a_name_of_its_own(port: int) -> None:
    line, body = await answer(port, get("/metrics", f"evil.example:{port}"))
    assert "403" in line
    assert "laptop" not in body


@pytest.mark.parametrize(
    "request_",
    ["", "GET /metrics HTTP/1.1\r\nHost", "x" * 100_000, "GET / X\r\n" + "a: b\r\n" * 9000],
)
async def test_what_is_no_request_gets_no_answer(port: int, request_: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_.encode())
    writer.write_eof()
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass
    writer.close()


async def is_answered(port: int) -> bool:
    try:
        line, _ = await answer(port, get("/metrics", f"127.0.0.1:{port}"))
    except ConnectionResetError:
        return False
    return "200" in line


async def test_who_says_nothing_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "TIMEOUT_S", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""
    writer.close()


async def test_one_too_many_is_cut_off_until_another_goes(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_server, "TIMEOUT_S", 600.0)
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS_MAX)]
    assert not await is_answered(port)
    for _, writer in idle:
        writer.close()
    async with asyncio.timeout(20):
        while not await is_answered(port):
            pass


async def test_it_moves_and_ends_as_it_is_told() -> None:
    server, first, second = MetricsServer(status), free_port(), free_port()
    await server.serve_at(None)
    await server.serve_at(first)
    await server.serve_at(first)
    await server.serve_at(second)
    request = get("/metrics", f"127.0.0.1:{second}")
    assert "200" in (await answer(second, request))[0]
    with pytest.raises(OSError, match="Connect call failed"):
        await answer(first, request)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PlatformError, match="cannot serve metrics"):
            await server.serve_at(taken.getsockname()[1])
    assert "200" in (await answer(second, request))[0]
    await server.serve_at(None)
    with pytest.raises(OSError, match="Connect call failed"):
        await answer(second, request)


async def test_a_port_that_is_taken_keeps_no_network_from_coming_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = MetricsServer(status)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        await server.start(taken.getsockname()[1])
    assert "cannot serve metrics" in caplog.text
    await server.close()
