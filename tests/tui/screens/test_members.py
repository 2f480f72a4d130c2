"""Who belongs to the network."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.screens.peer import PeerScreen
from meshdht_tui.widgets.grid import Grid
from msgspec.structs import replace

from meshdht.api.approval_messages import Approvals, Decide
from meshdht.api.device_messages import GrantAdmin, RenameDevice, TagDevice
from meshdht.api.removal_messages import Revoke
from tests.api.fake_administration import PI
from tests.api.fake_daemon import ATTIC, PHONE, STATUS, FakeService
from tests.tui.screen import screen_text, until, until_shown, until_told


async def opened(pilot: Any) -> None:
    """With pi, who waits, on the first line and attic on the second."""
    await pilot.app.action_go("members")
    await until_shown(pilot, "this one")


@pytest.mark.usefixtures("service")
async def test_who_waits_comes_first_then_the_members(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        lines = screen_text(app).splitlines()
    names = [line.split()[0] for line in lines[3:8]]
    assert names == ["pi", "attic", "laptop", "nas", "phone"]
    assert "◌ waits" in lines[3]
    assert "admin" in lines[6]


async def test_one_who_waits_is_approved_or_refused(
    service: FakeService, socket_path: Path
) -> None:
    app = MeshdhtApp(socket_path)
    asked = service.administration.asked
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("a")
        await until(pilot, lambda: asked == [Decide(device=PI.id)])
        await pilot.press("x")
        await until_shown(pilot, "was invited by nas")
        await pilot.press(*"no", "enter")
        await until(pilot, lambda: asked[1:] == [Decide(device=PI.id, approve=False, reason="no")])


async def test_the_cursor_stays_on_its_line_while_the_list_is_asked_for_anew(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        grid = app.screen.query_one(Grid)
        chosen = grid.selected_key
        answered = asyncio.Event()
        approvals = service.administration.approvals

        async def slow() -> Approvals:
            asked.set()
            await answered.wait()
            return await approvals()

        asked = asyncio.Event()
        monkeypatch.setattr(service.administration, "approvals", slow)
        async with asyncio.timeout(10):
            await asked.wait()
        view = app.view
        assert view is not None
        view.show()
        assert grid.selected_key == chosen
        answered.set()


@pytest.mark.usefixtures("service")
async def test_a_member_cannot_be_approved(socket_path: Path, told: list[str]) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("down", "a")
        await until_told(pilot, told, "nobody to approve")


async def test_a_member_is_renamed_and_tagged(service: FakeService, socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    asked = service.administration.asked
    service.administration.applicants = ()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("n")
        await until_shown(pilot, "rename attic")
        await pilot.press("end", "2", "enter")
        await until(pilot, lambda: asked == [RenameDevice(device=ATTIC.id, name="attic2")])
        await pilot.press("t")
        await until_shown(pilot, "All its tags")
        await pilot.press(*"lab, old", "enter")
        await until(pilot, lambda: asked[1:] == [TagDevice(device=ATTIC.id, tags=("lab", "old"))])


async def test_nothing_is_revoked_until_its_name_is_typed(
    service: FakeService, socket_path: Path, told: list[str]
) -> None:
    app = MeshdhtApp(socket_path)
    service.administration.applicants = ()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("x")
        await until_shown(pilot, "put out")
        await pilot.press("enter")
        await until_shown(pilot, "that is not attic")
        await pilot.press("escape")
        await until(pilot, lambda: "revoke attic" not in screen_text(app))
        assert service.administration.asked == []
        await pilot.press("x")
        await until_shown(pilot, "put out")
        await pilot.press(*"attic", "enter")
        await until_told(pilot, told, "attic is out for ever")
        assert service.administration.asked == [Revoke(device=ATTIC.id)]


async def test_an_admin_is_made_once_its_name_is_typed(
    service: FakeService, socket_path: Path
) -> None:
    app = MeshdhtApp(socket_path)
    service.administration.applicants = ()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("g")
        await until_shown(pilot, "make an admin of attic")
        await pilot.press(*"attic", "enter")
        await until(pilot, lambda: service.administration.asked == [GrantAdmin(device=ATTIC.id)])


async def test_what_the_daemon_refuses_is_told_with_what_to_do(
    service: FakeService, socket_path: Path, told: list[str]
) -> None:
    app = MeshdhtApp(socket_path)
    service.administration.applicants = ()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        service.snapshot = replace(STATUS, peers=(PHONE,))
        await pilot.press("n")
        await until_shown(pilot, "rename attic")
        await pilot.press("end", "2", "enter")
        await until_told(pilot, told, "known are")


async def test_a_second_copy_of_this_device_is_warned_of(
    service: FakeService, socket_path: Path
) -> None:
    service.snapshot = replace(STATUS, copy_heard=1_790_000_000)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await until_shown(pilot, "another machine is nas too")
        service.snapshot = STATUS
        service.feed.touch()
        await until(pilot, lambda: "another machine" not in screen_text(app))


@pytest.mark.usefixtures("service")
async def test_enter_opens_the_peer(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, PeerScreen))


@pytest.mark.usefixtures("service")
async def test_a_wide_terminal_shows_when_they_joined_and_their_ids(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(200, 60)) as pilot:
        await opened(pilot)
        text = screen_text(app)
    assert ATTIC.id in text
    assert "since 2026-" in text
    assert "secret 2:" in text


async def test_without_a_daemon_it_says_what_to_do(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("members")
        await until_shown(pilot, "meshdht up")


async def test_one_who_is_no_admin_sees_the_members_and_asks_for_no_approvals(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (await service.administration.devices()).devices[0]
    service.administration._changed[own.id] = replace(own, admin=False)

    async def refused() -> Approvals:
        raise AssertionError("an admin's device alone keeps them")

    monkeypatch.setattr(service.administration, "approvals", refused)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "◌ waits" not in screen_text(app)
