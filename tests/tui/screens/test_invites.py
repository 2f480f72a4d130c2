"""The invites, and new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.screens.invites import cells, terms
from msgspec.structs import replace

from meshdht.api.invite_messages import RevokeInvite
from meshdht.api.messages import CreateInvite
from tests.api.fake_administration import GUEST, SPENT
from tests.api.fake_daemon import LINK, FakeService
from tests.tui.screen import screen_text, until, until_shown, until_told


async def opened(pilot: Any) -> None:
    await pilot.app.action_go("invites")
    await until_shown(pilot, GUEST.id)


def test_an_invite_says_its_state_by_word_and_mark() -> None:
    assert [each.plain for each in cells(GUEST)][1:4] == ["guest", "● open", "1 of 3"]
    assert [each.plain for each in cells(SPENT)][1:3] == ["an anchor", "○ expired"]
    closed = replace(GUEST, state="revoked", name="", used_by=("a", "b"))
    assert [each.plain for each in cells(closed)][1:3] == ["any device", "✕ revoked"]
    assert cells(closed)[6].plain == "a b"


def test_the_terms_of_an_invite_are_told() -> None:
    assert terms(GUEST) == "tagged guest, approval, out after 1 d offline"
    assert terms(SPENT) == ""


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_newest_comes_first(socket_path: Path, size: tuple[int, int]) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=size) as pilot:
        await opened(pilot)
        text = screen_text(app)
    assert text.index(GUEST.id) < text.index(SPENT.id)
    assert ("tagged guest" in text) == (size[0] == 200)


async def test_a_new_one_is_asked_for_and_its_link_shown(
    service: FakeService, socket_path: Path
) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(100, 50)) as pilot:
        await opened(pilot)
        await pilot.press("n")
        await until_shown(pilot, "works for")
        await pilot.press(*"pi", "enter")
        await until_shown(pilot, "treat it as a password")
        assert LINK[:40] in screen_text(app)
        assert "█▀▀▀▀▀█" in screen_text(app)
        assert service.invites == [CreateInvite(name="pi")]
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard == LINK)


@pytest.mark.usefixtures("service")
async def test_what_the_daemon_refuses_is_told(socket_path: Path, told: list[str]) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(100, 50), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("n")
        await until_shown(pilot, "works for")
        await pilot.press(*"nas", "enter")
        await until_told(pilot, told, "called nas already")


async def test_one_is_closed_once_that_is_confirmed(
    service: FakeService, socket_path: Path
) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("x")
        await until_shown(pilot, "lets nobody in any more")
        await pilot.press(*"close", "enter")
        await until(pilot, lambda: service.administration.asked == [RevokeInvite(invite=GUEST.key)])


async def test_without_a_daemon_it_says_what_to_do(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("invites")
        await until_shown(pilot, "meshdht up")
