"""The application under Textual's pilot, against a real API server with a made-up daemon."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from meshdht_tui import app as app_module
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.screenshot import record
from meshdht_tui.widgets.peers_table import PeersTable
from msgspec.structs import replace

from meshdht.api.errors import NoDaemon
from meshdht.api.server import ApiServer
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, STATUS, FakeService, serving


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "REDRAW_S", 0.01)
    monkeypatch.setattr(app_module, "RETRY_S", (0.02,))


@pytest.fixture
async def service(socket_path: Path) -> AsyncIterator[FakeService]:
    service = FakeService()
    async with ApiServer(socket_path, service):
        yield service


def screen_text(app: Any) -> str:
    """What a terminal would show, without its colours."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def until(pilot: Any, condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("not shown within ten seconds:\n" + screen_text(pilot.app))


async def until_shown(pilot: Any, text: str) -> None:
    await until(pilot, lambda: text in screen_text(pilot.app))


def names(app: Any) -> list[str]:
    table = app.screen.query_one(PeersTable)
    return [str(table.get_row_at(row)[0])[2:] for row in range(table.row_count)]


@pytest.mark.usefixtures("service")
async def test_every_peer_is_shown_in_80_by_24(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        text = screen_text(app)
    for word in ("home", "nas 100.64.7.1", "2 of 3 online", "attic", "offline", "relay vps"):
        assert word in text
    for key in ("Sort", "Help", "Quit"):
        assert key in text.splitlines()[-1]


async def test_changes_are_live(service: FakeService, socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "84.0 ms")
        service.change(replace(PHONE, rtt_ms=3.2, path=replace(LAPTOP.path, kind="lan")))
        await until_shown(pilot, "3.2 ms")
        assert "84.0 ms" not in screen_text(app)
        service.change(replace(ATTIC, id="s" * 32, name="shed", online=True))
        await until_shown(pilot, "3 of 4 online")
        assert names(app) == ["attic", "laptop", "phone", "shed"]


async def test_a_daemon_that_restarts_is_found_again(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        async with ApiServer(socket_path, FakeService()):
            await until_shown(pilot, "2 of 3 online")
        await until_shown(pilot, "no daemon, trying again")
        assert "laptop" in screen_text(app)
        fewer = FakeService(replace(STATUS, peers=(PHONE,)))
        async with ApiServer(socket_path, fewer):
            await until_shown(pilot, "1 of 1 online")
            assert names(app) == ["phone"]


async def test_without_a_daemon_it_says_what_to_do_and_waits(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "network 'home' is not up")
        assert "meshdht up" in screen_text(app)
        async with ApiServer(socket_path, FakeService()):
            await until_shown(pilot, "2 of 3 online")


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


@pytest.mark.usefixtures("service")
async def test_keys_sort_and_reverse_and_the_cursor_stays_on_its_peer(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("down")
        table = app.screen.query_one(PeersTable)
        assert table.selected_id == LAPTOP.id
        await pilot.press("r")
        await until(pilot, lambda: names(app) == ["phone", "laptop", "attic"])
        assert table.selected_id == LAPTOP.id
        await pilot.press("s")
        await until(pilot, lambda: names(app) == ["laptop", "phone", "attic"])
        assert table.selected_id == LAPTOP.id
        await pilot.resize_terminal(140, 30)
        await until_shown(pilot, "192.0.2.7:51820")
        assert table.selected_id == LAPTOP.id


@pytest.mark.usefixtures("service")
async def test_a_click_on_a_title_sorts_by_it(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.click(PeersTable, offset=(20, 0))
        await until(pilot, lambda: names(app) == ["laptop", "phone", "attic"])
        await pilot.click(PeersTable, offset=(20, 0))
        await until(pilot, lambda: names(app) == ["attic", "phone", "laptop"])


@pytest.mark.usefixtures("service")
async def test_the_card_follows_the_cursor_and_leaves_a_low_terminal(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, ATTIC.id)
        await pilot.press("down")
        await until_shown(pilot, LAPTOP.id)
        await pilot.resize_terminal(80, 12)
        await until(pilot, lambda: LAPTOP.id not in screen_text(app))


@pytest.mark.usefixtures("service")
async def test_the_address_of_the_peer_is_copied(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("down", "c")
        await until_shown(pilot, "100.64.7.2 copied")
        assert app.clipboard == "100.64.7.2"


@pytest.mark.usefixtures("service")
async def test_help_opens_and_closes_and_q_quits(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("question_mark")
        await until_shown(pilot, "the network stays up")
        await pilot.press("q")
        await until(pilot, lambda: "the network stays up" not in screen_text(app))
        await pilot.press("q")
    assert app.return_value == 0


async def test_a_hundred_peers_scroll_under_one_header(
    service: FakeService, socket_path: Path
) -> None:
    service.snapshot = replace(
        STATUS,
        peers=tuple(replace(LAPTOP, id=f"{n:032}", name=f"box-{n:03}") for n in range(200)),
    )
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "200 of 200 online")
        await pilot.press("ctrl+end")
        await until_shown(pilot, "box-199")


@pytest.mark.usefixtures("service")
async def test_a_screenshot_is_an_svg_of_the_view(socket_path: Path) -> None:
    svg = await record(socket_path, (100, 24), 0.3)
    assert svg.startswith("<svg")
    assert "laptop" in svg


async def test_a_screenshot_without_a_daemon_is_an_error(socket_path: Path) -> None:
    with pytest.raises(NoDaemon):
        await record(socket_path, (80, 24), 0.3)


def test_the_first_screen_looks_as_it_did(
    socket_path: Path, snap_compare: Callable[..., bool]
) -> None:
    async def shown(pilot: Any) -> None:
        await until_shown(pilot, "laptop")
        await pilot.press("down")
        await until_shown(pilot, LAPTOP.id)

    with serving(socket_path):
        app = MeshdhtApp(socket_path, clock=lambda: 1000.0)
        assert snap_compare(app, terminal_size=(80, 24), run_before=shown)


@pytest.mark.skipif(
    not any(os.access(f"{path}/tmux", os.X_OK) for path in os.get_exec_path()),
    reason="needs tmux",
)
def test_in_a_real_terminal_meshdht_alone_opens_it(socket_path: Path) -> None:
    with serving(socket_path), tempfile.TemporaryDirectory() as home:
        tmux = ["tmux", "-S", f"{home}/tmux", "-f", "/dev/null"]
        meshdht = f"{sys.executable} -m meshdht --runtime-dir {socket_path.parent}"
        command = f"{meshdht}; echo ended $?; sleep 9"
        subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "24", command], check=True)
        try:
            seen = wait_for_pane(tmux, "2 of 3 online")
            assert "● laptop" in seen
            assert "q Quit" in seen
            subprocess.run([*tmux, "send-keys", "q"], check=True)
            assert "ended 0" in wait_for_pane(tmux, "ended")
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)


def wait_for_pane(tmux: list[str], text: str) -> str:
    for _ in range(300):
        result = subprocess.run(
            [*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=False
        )
        if text in result.stdout:
            return result.stdout
        time.sleep(0.1)
    raise AssertionError(f"{text!r} was not shown:\n{result.stdout}")
