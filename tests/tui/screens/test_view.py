"""What all screens have in common."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.screens import members
from meshdht_tui.screens.view import TABS

from tests.tui.screen import screen_text, until, until_shown


def tab_of(app: MeshdhtApp) -> str:
    return app.view.TAB if app.view is not None else ""


@pytest.mark.usefixtures("service")
async def test_numbers_and_tab_lead_from_screen_to_screen(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        for number, (key, _) in enumerate(TABS, 1):
            await pilot.press(str(number))
            await until(pilot, lambda key=key: tab_of(app) == key)  # type: ignore[misc]
        await pilot.press("tab")
        await until(pilot, lambda: tab_of(app) == TABS[0][0])
        await pilot.press("shift+tab")
        await until(pilot, lambda: tab_of(app) == TABS[-1][0])


@pytest.mark.usefixtures("service")
async def test_a_click_on_a_tab_leads_there(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        line = screen_text(app).splitlines()[1]
        await pilot.click("#tabs", offset=(line.index("Members"), 0))
        await until(pilot, lambda: tab_of(app) == "members")


@pytest.mark.usefixtures("service")
async def test_a_screen_asks_the_daemon_only_while_it_is_seen(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members.MembersScreen, "POLL_S", 0.01)
    loads = 0
    load = members.MembersScreen.load

    async def counted(screen: members.MembersScreen) -> None:
        nonlocal loads
        loads += 1
        await load(screen)

    monkeypatch.setattr(members.MembersScreen, "load", counted)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("members")
        await until(pilot, lambda: loads > 2)
        await app.action_go("peers")
        seen = loads
        await asyncio.sleep(0.2)
        assert loads <= seen + 1


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("size", [(40, 10), (80, 24), (200, 60)])
async def test_every_screen_is_drawn_at_any_size(socket_path: Path, size: tuple[int, int]) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "laptop")
        for key, _ in TABS:
            await app.action_go(key)
            await pilot.pause(0.05)
            lines = screen_text(app).splitlines()
            assert len(lines) == size[1]
            assert lines[0].startswith(" meshdht ")
