"""The table: what is in sight is right, and what did not change is not drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.widgets.peers_table import PeersTable
from msgspec.structs import replace

from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, STATUS, FakeService
from tests.tui.screen import names, until, until_shown


@pytest.mark.usefixtures("service")
async def test_a_click_on_a_title_sorts_by_it(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.click(PeersTable, offset=(20, 0))
        await until(pilot, lambda: names(app) == ["laptop", "phone", "attic"])
        await pilot.click(PeersTable, offset=(20, 0))
        await until(pilot, lambda: names(app) == ["attic", "phone", "laptop"])


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


MANY = replace(
    STATUS,
    peers=tuple(
        replace(LAPTOP, id=f"{n:032}", name=f"box-{n:03}", handshake_age_s=3600.0 * (n + 1))
        for n in range(200)
    ),
)


def cells_drawn(table: PeersTable, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cells that are written from now on."""
    written: list[str] = []
    update = table.update_cell_at

    def note(coordinate: Any, value: Any, **options: Any) -> None:
        written.append(str(value))
        update(coordinate, value, **options)

    monkeypatch.setattr(table, "update_cell_at", note)
    return written


async def test_a_peer_out_of_sight_is_drawn_when_it_comes_into_sight(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.snapshot = MANY
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "200 of 200 online")
        written = cells_drawn(app.screen.query_one(PeersTable), monkeypatch)
        service.change(replace(MANY.peers[0], rtt_ms=1.5), replace(MANY.peers[199], rtt_ms=2.5))
        await until_shown(pilot, "1.5 ms")
        assert written == ["1.5 ms"]
        await pilot.press("ctrl+end")
        await until_shown(pilot, "2.5 ms")


async def test_an_age_that_reads_the_same_is_not_drawn_again(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    service.snapshot = MANY
    app = MeshdhtApp(socket_path, clock=lambda: now)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "200 of 200 online")
        table = app.screen.query_one(PeersTable)
        written = cells_drawn(table, monkeypatch)
        now += 1800
        await until_shown(pilot, "up 2 h")
        assert written == []
        now += 1800
        await until(pilot, lambda: "2 h" in written)
        assert len(written) < 24


async def test_lines_drawn_before_are_right_after_any_change(
    service: FakeService, socket_path: Path
) -> None:
    service.snapshot = MANY
    app = MeshdhtApp(socket_path)

    def colours() -> list[Any]:
        table = app.screen.query_one(PeersTable)
        return [table.render_line(y) for y in range(1, 6)]

    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "200 of 200 online")
        await until(pilot, lambda: app.screen.query_one(PeersTable).has_focus)
        before = colours()
        await pilot.press("down", "down", "down")
        await until(pilot, lambda: app.screen.query_one(PeersTable).cursor_row == 3)
        moved = colours()
        assert moved[3] != before[3]
        assert moved[2] == before[2]
        app.theme = "textual-light"
        await until(pilot, lambda: colours()[2] != moved[2])
        await pilot.press("s")
        await until_shown(pilot, "path▾")
        await until_shown(pilot, "box-003")


async def test_the_cursor_stays_when_peers_above_it_come_and_go(
    service: FakeService, socket_path: Path
) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "laptop")
        await pilot.press("down")
        table = app.screen.query_one(PeersTable)
        service.change(replace(ATTIC, id="b" * 32, name="barn"))
        await until(pilot, lambda: names(app) == ["attic", "barn", "laptop", "phone"])
        assert table.selected_id == LAPTOP.id
        service.snapshot = replace(STATUS, peers=(LAPTOP, PHONE))
        service.feed.touch()
        await until(pilot, lambda: names(app) == ["laptop", "phone"])
        assert table.selected_id == LAPTOP.id
