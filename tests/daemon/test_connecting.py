"""A device that has just joined waits until another one is reached."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from meshdht.daemon import connecting
from meshdht.daemon.connecting import wait_connected
from meshdht.errors import JoinFailed


class Progress:
    """Remembers what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def progress(self, text: str) -> None:
        self.said.append(text)


async def test_it_says_so_and_returns_once_another_one_is_reached() -> None:
    connected, reporter = asyncio.Event(), Progress()
    told: Any = reporter
    asyncio.get_running_loop().call_later(0.05, connected.set)
    await wait_connected(connected, "home", told)
    assert reporter.said == ["connecting to the other devices"]


async def test_in_vain_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "CONNECT_TIMEOUT_S", 0.05)
    told: Any = Progress()
    with pytest.raises(JoinFailed, match="member of 'home' now, but no path") as raised:
        await wait_connected(asyncio.Event(), "home", told)
    assert "meshdht up tries again" in raised.value.hint
