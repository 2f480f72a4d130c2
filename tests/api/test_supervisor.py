"""What a service manager is told, on a real socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshdht.api.launch import Ready, Reporter
from meshdht.api.supervisor import Supervisor

READY = Ready(network="home", socket="/run/x.sock", device="nas", addresses=("100.64.0.1",))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(os.fspath(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def heard(manager: socket.socket) -> list[str]:
    return manager.recv(4096).decode().splitlines()


def test_it_hears_what_is_done_that_the_daemon_is_up_and_why_it_failed(
    manager: socket.socket,
) -> None:
    reporter = Reporter(None, Supervisor({"NOTIFY_SOCKET": manager.getsockname()}))
    reporter.progress("asking an admin\nfor approval", wait_s=90)
    assert heard(manager) == [
        "STATUS=asking an admin for approval",
        "EXTEND_TIMEOUT_USEC=90000000",
    ]
    reporter.ready(READY)
    assert heard(manager) == ["READY=1", "STATUS=network home is up as nas, 100.64.0.1"]
    reporter.failed(ValueError("no space"))
    assert heard(manager) == ["STATUS=ValueError: no space"]


def test_an_abstract_name_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("")  # the kernel chooses an abstract name
        listener.settimeout(5)
        name = listener.getsockname().decode().replace("\0", "@", 1)
        Supervisor({"NOTIFY_SOCKET": name}).ready("up")
        assert heard(listener) == ["READY=1", "STATUS=up"]


def test_children_of_the_daemon_do_not_inherit_the_socket() -> None:
    environment = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "A": "b"}
    Supervisor(environment)
    assert environment == {"A": "b"}


async def test_signs_of_life_come_three_times_an_interval(manager: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "60000"}
    supervisor = Supervisor(environment)
    assert supervisor.beat_s == pytest.approx(0.02)
    supervisor.keep_alive(asyncio.get_running_loop())
    await asyncio.sleep(0.2)
    assert [heard(manager) for _ in range(3)] == [["WATCHDOG=1"]] * 3


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "60000"},
        {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "soon"},
    ],
)
async def test_without_one_nothing_happens(environment: dict[str, str]) -> None:
    supervisor = Supervisor(environment)
    supervisor.keep_alive(asyncio.get_running_loop())
    supervisor.ready("up")
    assert supervisor.beat_s is None
