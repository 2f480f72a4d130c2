"""Sockets, a made-up daemon, and a view that redraws without delay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from meshdht_tui import app as app_module
from meshdht_tui.screens.view import View

from meshdht.api.server import ApiServer
from tests.api.fake_daemon import FakeService, short_directory


@pytest.fixture
def runtime_dir() -> Iterator[Path]:
    with short_directory() as directory:
        yield directory


@pytest.fixture
def socket_path(runtime_dir: Path) -> Path:
    return runtime_dir / "home.sock"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "SETTLE_S", 0.01)
    monkeypatch.setattr(app_module, "TICK_S", 0.1)
    monkeypatch.setattr(app_module, "GRACE_S", 0.02)
    monkeypatch.setattr(app_module, "RETRY_S", (0.02,))


@pytest.fixture
async def service(socket_path: Path) -> AsyncIterator[FakeService]:
    service = FakeService()
    async with ApiServer(socket_path, service):
        yield service


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the screens have notified the user of, for a toast goes by itself."""
    messages: list[str] = []
    notify = View.notify

    def noted(view: View, message: str, **options: Any) -> None:
        messages.append(message)
        notify(view, message, **options)

    monkeypatch.setattr(View, "notify", noted)
    return messages
