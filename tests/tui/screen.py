"""What a terminal would show, and waiting until it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meshdht_tui.widgets.peers_table import PeersTable


def screen_text(app: Any) -> str:
    """What a terminal would show, without its colours."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def until(pilot: Any, condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("not shown within ten seconds:\n" + screen_text(pilot.app))


async def until_shown(pilot: Any, text: str) -> None:
    await until(pilot, lambda: text in screen_text(pilot.app))


async def until_told(pilot: Any, told: list[str], text: str) -> None:
    """Until the user was notified of something; ``told`` is the fixture of that name."""
    await until(pilot, lambda: any(text in message for message in told))


def names(app: Any) -> list[str]:
    table = app.screen.query_one(PeersTable)
    return [str(table.get_row_at(row)[0])[2:] for row in range(table.row_count)]
