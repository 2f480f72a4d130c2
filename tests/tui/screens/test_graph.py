"""The mesh as a picture, to walk about in."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.graph_text import draw
from meshdht_tui.screens.graph import GraphScreen
from meshdht_tui.screens.peer import PeerScreen
from msgspec.structs import replace

from meshdht.api.link_messages import Links
from tests.api.fake_administration import Trouble
from tests.api.fake_daemon import LAPTOP, STATUS, FakeService
from tests.api.fake_looks import LINKS
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
        await until(pilot, lambda: service.links_asked == 1)
        await pilot.pause(0.1)
        before = drawn
        service.change(replace(LAPTOP, rx_bytes=LAPTOP.rx_bytes + 1000))
        await pilot.pause(0.2)
        assert drawn == before
        service.change(replace(LAPTOP, rtt_ms=9.5))
        await until_shown(pilot, "9.5 ms")
        assert drawn > before


async def test_links_among_the_others_are_asked_for_while_it_is_seen_and_only_then(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GraphScreen, "POLL_S", 0.05)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "laptop")
        assert service.links_asked == 0
        await app.action_go("graph")
        await until(pilot, lambda: service.links_asked > 2)
        await pilot.press("down")
        await until_shown(pilot, "linked to 1 other")
        service.links_told = replace(LINKS, links=LINKS.links[:2])
        await until(pilot, lambda: "linked to" not in screen_text(app))
        await app.action_go("members")
        await until_shown(pilot, "this one")
        await pilot.pause(0.1)
        before = service.links_asked
        await pilot.pause(0.3)
        assert service.links_asked == before


async def test_a_daemon_that_knows_nothing_of_links_has_its_own_drawn(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> Links:
        service.links_asked += 1
        raise Trouble("the request cannot be read", "use a client of the same release", 2)

    monkeypatch.setattr(service, "links", refuse)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await app.action_go("graph")
        await until(pilot, lambda: service.links_asked == 1)
        await pilot.press("down")
        await until_shown(pilot, "● laptop  direct 192.0.2.7:51820")
        assert "linked to" not in screen_text(app)


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
