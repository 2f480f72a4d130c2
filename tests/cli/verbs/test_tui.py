"""The verb that opens the live view; the view itself is tested in tests/tui."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui import app

from tests.cli.conftest import Meshdht


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The sockets whose live view was opened; each is left with exit code 3."""
    sockets: list[Path] = []

    def run(socket: Path) -> int:
        sockets.append(socket)
        return 3

    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr("meshdht.cli.verbs.tui.interactive", lambda: True)
    return sockets


def test_it_watches_the_named_network_and_ends_as_the_view_does(
    meshdht: Meshdht, opened: list[Path], runtime_dir: Path
) -> None:
    assert meshdht("tui", "--network", "home").code == 3
    assert opened == [runtime_dir / "home.sock"]


def test_it_watches_the_only_network(
    meshdht: Meshdht, opened: list[Path], socket_path: Path
) -> None:
    socket_path.touch()
    assert meshdht("tui").code == 3
    assert opened == [socket_path]


def test_without_a_network_nothing_opens(meshdht: Meshdht, opened: list[Path]) -> None:
    result = meshdht("tui")
    assert result.code == 1
    assert "belongs to no network yet" in result.err
    assert opened == []


def test_without_a_terminal_it_is_refused_rather_than_hung(
    meshdht: Meshdht, socket_path: Path
) -> None:
    result = meshdht("tui", "--network", "home")
    assert result.code == 2
    assert "needs a terminal" in result.err
