"""The application under Textual's pilot, against a real API server with a made-up daemon."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.colours import DARK, LIGHT
from msgspec.structs import replace

from meshdht.api.server import ApiServer
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, STATUS, FakeService, serving
from tests.tui.screen import names, screen_text, until, until_shown


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


def test_the_first_screen_looks_as_it_did(
    socket_path: Path, snap_compare: Callable[..., bool]
) -> None:
    async def shown(pilot: Any) -> None:
        await until_shown(pilot, "laptop")
        await pilot.press("down")
        await until_shown(pilot, "╭─ laptop")

    with serving(socket_path):
        app = MeshdhtApp(socket_path, clock=lambda: 1000.0)
        assert snap_compare(app, terminal_size=(80, 24), run_before=shown)


@pytest.mark.usefixtures("service")
async def test_the_palette_has_the_screens_and_what_this_one_can_do(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "laptop")
        offered = [command.title for command in app.get_system_commands(app.screen)]
        for title in ("Go to Graph", "Go to Doctor", "Copy address", "Sort", "Light or dark"):
            assert title in offered
        await pilot.press("ctrl+p")
        await pilot.press(*"invites")
        await until_shown(pilot, "Go to Invites")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: app.view is not None and app.view.TAB == "invites")


@pytest.mark.usefixtures("service")
async def test_a_command_of_the_screen_works_from_the_palette(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "laptop")
        [copy] = [
            command
            for command in app.get_system_commands(app.screen)
            if command.title == "Copy address"
        ]
        await copy.callback()
        await until(pilot, lambda: app.clipboard == "100.64.7.4")


@pytest.mark.usefixtures("service")
async def test_light_and_dark_colours_change_what_is_there(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")

        def colours() -> set[str]:
            """Of what is said about peers that are there: in the header and in the table."""
            strips = app.screen._compositor.render_strips()
            drawn = [each.style.color for strip in strips for each in strip if each.style]
            return {each.triplet.hex for each in drawn if each is not None and each.triplet}

        assert DARK.success in colours()
        await pilot.press("L")
        await until(pilot, lambda: {DARK.success, LIGHT.success} & colours() == {LIGHT.success})
        await pilot.press("L")
        await until(pilot, lambda: {DARK.success, LIGHT.success} & colours() == {DARK.success})


@pytest.mark.skipif(
    not any(os.access(f"{path}/tmux", os.X_OK) for path in os.get_exec_path()),
    reason="needs tmux",
)
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_in_a_real_terminal_meshdht_alone_opens_it(
    socket_path: Path, size: tuple[int, int]
) -> None:
    columns, lines = map(str, size)
    with serving(socket_path), tempfile.TemporaryDirectory() as home:
        tmux = ["tmux", "-S", f"{home}/tmux", "-f", "/dev/null"]
        meshdht = f"{sys.executable} -m meshdht --runtime-dir {socket_path.parent}"
        command = f"{meshdht}; echo ended $?; sleep 9"
        subprocess.run(
            [*tmux, "new-session", "-d", "-x", columns, "-y", lines, command], check=True
        )
        try:
            wait_for_pane(tmux, "2 of 3 online", "● laptop", "q Quit")
            for key, words in (("2", "choose a device"), ("4", "this one"), ("6", "founded")):
                subprocess.run([*tmux, "send-keys", key], check=True)
                shown = wait_for_pane(tmux, words)
                assert max(map(len, shown.splitlines())) <= size[0]
                assert len(shown.splitlines()) == size[1]
            subprocess.run([*tmux, "send-keys", "q"], check=True)
            assert "ended 0" in wait_for_pane(tmux, "ended")
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)


def wait_for_pane(tmux: list[str], *texts: str) -> str:
    """The pane, once it shows all of these: a terminal is drawn in several steps."""
    for _ in range(300):
        result = subprocess.run(
            [*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=False
        )
        if all(text in result.stdout for text in texts):
            return result.stdout
        time.sleep(0.1)
    raise AssertionError(f"{texts} were not shown:\n{result.stdout}")
