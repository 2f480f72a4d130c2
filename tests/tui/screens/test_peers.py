"""The first screen: the table's keys, and the peer under the cursor in full."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.screens.peer import PeerScreen
from meshdht_tui.widgets.peers_table import PeersTable
from msgspec.structs import replace

from meshdht.api.messages import Snapshot
from meshdht.api.server import ApiServer
from tests.api.fake_daemon import LAPTOP, FakeService
from tests.tui.screen import names, screen_text, until, until_shown, until_told


@pytest.mark.usefixtures("service")
async def test_the_card_follows_the_cursor_and_leaves_a_low_terminal(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "100.64.7.4  fd5a")
        await pilot.press("down")
        await until_shown(pilot, LAPTOP.id)
        await pilot.resize_terminal(80, 12)
        await until(pilot, lambda: LAPTOP.id not in screen_text(app))


@pytest.mark.usefixtures("service")
async def test_the_address_of_the_peer_is_copied(socket_path: Path, told: list[str]) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("down", "c")
        await until_told(pilot, told, "100.64.7.2 copied")
        assert app.clipboard == "100.64.7.2"


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
        await until_shown(pilot, "direct 192.0.2.7:51820")
        assert table.selected_id == LAPTOP.id


@pytest.mark.usefixtures("service")
async def test_f_goes_through_the_states_and_esc_shows_all(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("f")
        await until(pilot, lambda: names(app) == ["laptop", "phone"])
        await until_shown(pilot, "online: 2 of 3")
        await pilot.press("f")
        await until(pilot, lambda: names(app) == ["phone"])
        await pilot.press("f")
        await until(pilot, lambda: names(app) == ["attic"])
        await pilot.press("escape")
        await until(pilot, lambda: names(app) == ["attic", "laptop", "phone"])


@pytest.mark.usefixtures("service")
async def test_a_filter_that_nobody_passes_says_so(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("slash", *"zebra")
        await until_shown(pilot, "No peer is “zebra”")
        await pilot.press("escape")
        await until_shown(pilot, "laptop")


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("way", ["enter", "click"])
async def test_a_peer_is_opened_by_key_and_by_mouse(socket_path: Path, way: str) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("down")
        if way == "enter":
            await pilot.press("enter")
        else:
            await pilot.click(PeersTable, offset=(5, 2))
        await until(pilot, lambda: isinstance(app.screen, PeerScreen))


async def test_the_first_key_press_after_the_peers_appear_is_not_lost(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "is not up")
        app.screen.set_focus(None)  # as Textual does, sooner or later, when a widget is hidden
        async with ApiServer(socket_path, FakeService()):
            await until_shown(pilot, "laptop")
            assert isinstance(app.screen.focused, PeersTable)


async def test_what_is_stale_is_kept_and_pale(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        async with ApiServer(socket_path, FakeService()):
            await until_shown(pilot, "laptop")
            assert not app.screen.query_one("#body").has_class("stale")
        await until(pilot, lambda: app.screen.query_one("#body").has_class("stale"))
        assert names(app) == ["attic", "laptop", "phone"]


async def test_an_applicant_and_a_second_copy_show_when_they_come_and_go(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    service = FakeService()
    async with app.run_test(size=(110, 24)) as pilot, ApiServer(socket_path, service):
        await until_shown(pilot, "laptop")
        assert "approval" not in screen_text(app)
        status = app.ledger.status
        assert status is not None
        app.ledger.take(Snapshot(replace(status, applicants=1, copy_heard=1_800_000_000)), 1.0)
        app.touch()
        await until_shown(pilot, "1 waits for approval")
        assert f"a second {status.device.name} is running" in screen_text(app)
        app.ledger.take(Snapshot(status), 2.0)
        app.touch()
        await until(pilot, lambda: "approval" not in screen_text(app))
