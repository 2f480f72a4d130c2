"""What an invite is to let in."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.dialogues.invite_form import InviteForm, parse_span
from textual.widgets import Input

from meshdht.api.messages import CreateInvite
from tests.tui.screen import screen_text, until, until_shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        (" 1H ", 3600),
        ("7d", 604_800),
        ("366d", 366 * 86400),
        ("367d", None),
        ("0s", None),
        ("", None),
        ("1", None),
        ("1.5h", None),
        ("9" * 30 + "d", None),
    ],
)
def test_a_time_is_a_number_and_a_unit(text: str, seconds: int | None) -> None:
    assert parse_span(text) == seconds


async def test_enter_in_any_field_gives_the_request(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    came: list[CreateInvite | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(InviteForm(), came.append)
        await until_shown(pilot, "new invite")
        await pilot.press(*"pi", "tab", "tab", "tab", *"lab,guest", "tab", *"30m", "tab", "space")
        await until_shown(pilot, "✓")
        await pilot.press("shift+tab", "enter")
        await until(pilot, lambda: bool(came))
    assert came == [
        CreateInvite(
            name="pi",
            expires_s=3600,
            uses=1,
            tags=("lab", "guest"),
            ephemeral_s=1800,
            approve=True,
        )
    ]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("expires", "soon", "a time is a number"),
        ("ephemeral", "9y", "a time is a number"),
        ("uses", "0", "from 1 to 1000"),
        ("uses", "many", "from 1 to 1000"),
        ("name", "x" * 64, "63 letters"),
    ],
)
async def test_what_cannot_be_is_said_and_the_form_stays(
    socket_path: Path, field: str, typed: str, said: str
) -> None:
    app = MeshdhtApp(socket_path)
    came: list[CreateInvite | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(InviteForm(), came.append)
        await until_shown(pilot, "new invite")
        app.screen.query_one(f"#{field}", Input).value = typed
        await pilot.press("enter")
        await until_shown(pilot, said)
        assert came == []
        assert "new invite" in screen_text(app)
