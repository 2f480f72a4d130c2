"""The link that was made."""

from __future__ import annotations

from pathlib import Path

from meshdht_tui.app import MeshdhtApp
from meshdht_tui.dialogues.invite_link import InviteLink

from meshdht.api.messages import Invite
from tests.api.fake_daemon import LINK
from tests.tui.screen import screen_text, until, until_shown

INVITE = Invite(link=LINK, expires=1_790_003_600, uses=3)


async def test_the_code_is_shown_where_there_is_room_and_the_link_always(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(InviteLink(INVITE, 900))
        await until_shown(pilot, "The QR code is shown where there are")
        text = screen_text(app)
        assert LINK[:40] in text
        assert "works 15 min for 3 devices" in text
        assert "█" not in text
        await pilot.resize_terminal(100, 50)
        await until_shown(pilot, "█▀▀▀▀▀█")
        await pilot.resize_terminal(50, 50)
        await until(pilot, lambda: "█" not in screen_text(app))


async def test_c_copies_the_link_and_esc_closes(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(InviteLink(INVITE, 900))
        await until_shown(pilot, "treat it as a password")
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard == LINK)
        await pilot.press("escape")
        await until(pilot, lambda: "password" not in screen_text(app))
