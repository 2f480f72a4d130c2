"""The mesh as a picture, to walk about in."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.graph_text import draw
from meshdht_tui.screens.peer import PeerScreen
from msgspec.structs import replace

from tests.api.fake_daemon import LAPTOP, STATUS, FakeService
from tests.tui.screen import screen_text, until, until_shown


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_everybody_has_a_place_in_it(socket_path: Path, size: tuple[int, int]) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=size) as pilot:
        await app.action_go("graph")
        await until_shown(pilot, "● laptop")
        text = screen_text(app)
    for words in (" nas ", "phone", "◇ vps", "attic", "choose a device"):
        assert words in text


@pytest.mark.usefixtures("service")
async def test_one_is_chosen_by_the_arrows_and_opened_by_enter(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("graph")
        await until_shown(pilot, "● laptop")
        await pilot.press("down")
        await until_shown(pilot, "● laptop  direct 192.0.2.7:51820")
        await pilot.press("down")
        await until_shown(pilot, "◐ phone  relay vps")
        await pilot.press("up", "up")
        await until_shown(pilot, "○ attic  offline")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PeerScreen))
        await pilot.press("escape")
        await until_shown(pilot, "○ attic  offline")


@pytest.mark.usefixtures("service")
async def test_a_click_chooses_and_another_one_opens(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("graph")
        await until_shown(pilot, "● laptop")
        lines = screen_text(app).splitlines()
        row = next(n for n, line in enumerate(lines) if "● laptop" in line)
        at = lines[row].index("laptop") + 1, row - 2
        await pilot.click("#picture", offset=at)
        await until_shown(pilot, "● laptop  direct")
        await pilot.click("#picture", offset=at)
        await until(pilot, lambda: isinstance(app.screen, PeerScreen))


async def test_it_is_drawn_again_only_when_something_in_it_changes(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = 0

    def counted(*arguments: object) -> object:
        nonlocal drawn
        drawn += 1
        return draw(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("meshdht_tui.screens.graph.draw", counted)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("graph")
        await until_shown(pilot, "● laptop")
        await pilot.pause(0.1)
        before = drawn
        service.change(replace(LAPTOP, rx_bytes=LAPTOP.rx_bytes + 1000))
        await pilot.pause(0.2)
        assert drawn == before
        service.change(replace(LAPTOP, rtt_ms=9.5))
        await until_shown(pilot, "9.5 ms")
        assert drawn > before


async def test_many_are_marks_in_groups(service: FakeService, socket_path: Path) -> None:
    many = tuple(replace(LAPTOP, id=f"{n:032}", name=f"box-{n:03}") for n in range(200))
    service.snapshot = replace(STATUS, peers=many)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("graph")
        await until_shown(pilot, "direct")
        assert screen_text(app).count("●") >= 200


async def test_without_a_daemon_it_says_what_to_do(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("graph")
        await until_shown(pilot, "meshdht up")
