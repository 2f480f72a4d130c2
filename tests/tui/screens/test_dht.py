"""The DHT as this device has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.screens import dht
from msgspec.structs import replace

from tests.api.fake_daemon import FakeService
from tests.api.fake_looks import DHT
from tests.tui.screen import screen_text, until, until_shown


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_arrows_lead_through_the_parts(socket_path: Path, size: tuple[int, int]) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=size) as pilot:
        await app.action_go("dht")
        await until_shown(pilot, "203.0.113.9:41820")
        assert "nodes about 4" in screen_text(app)
        await pilot.press("right")
        await until_shown(pilot, "2 of 20")
        await pilot.press("right")
        await until_shown(pilot, "record of attic")
        await pilot.press("right")
        await until_shown(pilot, "192.0.2.0/24")
        await pilot.press("right")
        await until_shown(pilot, "203.0.113.9:41820")
        await pilot.press("left")
        await until_shown(pilot, "192.0.2.0/24")


@pytest.mark.usefixtures("service")
async def test_a_click_chooses_a_part(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("dht")
        await until_shown(pilot, "Look-ups 3")
        line = screen_text(app).splitlines()[3]
        await pilot.click("#parts", offset=(line.index("Look-ups"), 0))
        await until_shown(pilot, "record of attic")


async def test_it_is_asked_for_again_and_what_is_empty_is_said(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dht.DhtScreen, "POLL_S", 0.02)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("dht")
        await until_shown(pilot, "laptop")
        service.dht_report = replace(DHT, contacts=())
        await until_shown(pilot, "No other node has answered yet.")
        service.dht_report = DHT
        await until(pilot, lambda: "laptop" in screen_text(app))


async def test_without_a_daemon_it_says_what_to_do(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("dht")
        await until_shown(pilot, "meshdht up")
