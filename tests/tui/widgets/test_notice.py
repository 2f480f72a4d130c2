"""What stands there when there are no peers."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from msgspec.structs import replace

from meshdht.api.server import ApiServer
from tests.api.fake_daemon import STATUS, FakeService
from tests.tui.screen import screen_text, until_shown


async def test_without_permission_it_says_who_may(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 65534)

    async def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(asyncio, "open_unix_connection", denied)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "may not talk to the daemon")
        assert "usermod -aG meshdht nobody" in screen_text(app)


async def test_alone_in_a_network_it_says_how_to_invite(
    service: FakeService, socket_path: Path
) -> None:
    service.snapshot = replace(STATUS, peers=())
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "No other device is here yet")
        assert "meshdht invite" in screen_text(app)


async def test_without_a_daemon_it_says_what_to_do_and_waits(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "network 'home' is not up")
        assert "meshdht up" in screen_text(app)
        async with ApiServer(socket_path, FakeService()):
            await until_shown(pilot, "2 of 3 online")


async def test_before_the_first_answer_it_says_whom_it_asks(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(socket_path))
        silent.listen()
        async with app.run_test(size=(80, 24)) as pilot:
            await until_shown(pilot, "Asking the daemon of home")
