"""Every screen looks as it did: pictures to compare with, in a plain terminal and in a large one.

``./mesh test tests/tui/screens/test_snapshots.py --snapshot-update`` takes them anew; look at them
before they are committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from meshdht_tui.app import MeshdhtApp

from tests.api.fake_administration import GUEST, SPREAD
from tests.api.fake_daemon import serving
from tests.tui.screen import until, until_shown

NOW = 1000.0


@pytest.fixture(autouse=True)
def _one_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


SCREENS = {
    "graph": "choose a device",
    "dht": "203.0.113.9:41820",
    "members": "this one",
    "invites": GUEST.id,
    "log": "founded the network home",
    "doctor": "sudo ufw allow",
}


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["small", "large"])
@pytest.mark.parametrize("key", list(SCREENS))
def test_a_screen(
    socket_path: Path, snap_compare: Callable[..., bool], key: str, size: tuple[int, int]
) -> None:
    async def shown(pilot: Any) -> None:
        await until_shown(pilot, "of 3 online")
        await pilot.app.action_go(key)
        await until_shown(pilot, SCREENS[key])
        if key == "graph":
            await until(pilot, lambda: pilot.app.screen._links)
        else:
            await until(pilot, lambda: pilot.app.screen.focused is not None)

    with serving(socket_path) as service:
        # However often it is asked, it says the same.
        service.administration.spreads.append(SPREAD)
        app = MeshdhtApp(socket_path, clock=lambda: NOW)
        assert snap_compare(app, terminal_size=size, run_before=shown)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["small", "large"])
def test_a_peer(
    socket_path: Path, snap_compare: Callable[..., bool], size: tuple[int, int]
) -> None:
    async def shown(pilot: Any) -> None:
        await until_shown(pilot, "laptop")
        await pilot.press("down", "down", "enter")
        await until_shown(pilot, "198.51.100.9:41820")
        await pilot.pause(0.2)

    with serving(socket_path):
        app = MeshdhtApp(socket_path, clock=lambda: NOW)
        assert snap_compare(app, terminal_size=size, run_before=shown)


@pytest.mark.parametrize("theme", ["meshdht-light", "no colour"])
def test_the_first_screen_in_other_colours(
    socket_path: Path,
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    theme: str,
) -> None:
    if theme == "no colour":
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.setenv("TEXTUAL_THEME", theme)

    async def shown(pilot: Any) -> None:
        await until_shown(pilot, "╭─ attic")

    with serving(socket_path):
        app = MeshdhtApp(socket_path, clock=lambda: NOW)
        assert snap_compare(app, terminal_size=(80, 24), run_before=shown)


def test_the_keys(socket_path: Path, snap_compare: Callable[..., bool]) -> None:
    async def shown(pilot: Any) -> None:
        await until_shown(pilot, "╭─ attic")
        await pilot.press("question_mark")
        await until_shown(pilot, "esc closes")
        await until(pilot, lambda: pilot.app.screen.focused is not None)

    with serving(socket_path):
        app = MeshdhtApp(socket_path, clock=lambda: NOW)
        assert snap_compare(app, terminal_size=(80, 24), run_before=shown)
