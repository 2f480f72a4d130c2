"""What happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.screens import log

from meshdht.api.server import ApiServer
from tests.api.fake_daemon import FakeService
from tests.tui.screen import screen_text, until, until_shown


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_paths_members_and_the_signed_log_are_one_list(
    socket_path: Path, size: tuple[int, int]
) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=size) as pilot:
        await app.action_go("log")
        await until_shown(pilot, "founded the network home")
        text = screen_text(app)
    assert text.index("is a member now") < text.index("lost: it is off") < text.index("direct by")


@pytest.mark.usefixtures("service")
async def test_it_is_filtered_by_kind_and_by_words(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("log")
        await until_shown(pilot, "founded")
        await pilot.press("f")
        await until(pilot, lambda: "founded" not in screen_text(app))
        await until_shown(pilot, "lost: it is off")
        await pilot.press("slash", *"vps", "enter")
        await until_shown(pilot, "paths “vps”")
        await until(pilot, lambda: "lost: it is off" not in screen_text(app))
        await until_shown(pilot, "by relay vps")
        await pilot.press("escape")
        await until_shown(pilot, "founded")
        await pilot.press("slash", *"zebra")
        await until_shown(pilot, "Nothing like that happened.")


async def test_each_thing_is_shown_once_however_often_it_is_asked(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log.LogScreen, "POLL_S", 0.01)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(2):
            async with ApiServer(socket_path, FakeService()):
                await until_shown(pilot, "2 of 3 online")
                await app.action_go("log")
                await until_shown(pilot, "founded")
                await pilot.pause(0.1)
                assert screen_text(app).count("the daemon started") == 1
            await until_shown(pilot, "no daemon, trying again")


async def test_without_a_daemon_it_says_what_to_do(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("log")
        await until_shown(pilot, "meshdht up")
