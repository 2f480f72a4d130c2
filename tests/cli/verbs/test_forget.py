"""``meshdht forget``: asks, or takes --yes; what the machine held is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdht.service import systemd
from tests.cli.conftest import Meshdht


@pytest.fixture
def held(state_dir: Path) -> Path:
    directory = state_dir / "home"
    directory.mkdir(parents=True)
    (directory / "state.db").write_text("")
    (directory / "lock").write_text("")
    return directory


@pytest.fixture(autouse=True)
def _no_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was killed has left nothing."""
    monkeypatch.setattr("meshdht.api.spawn.launch", lambda *_, **__: None)


def test_what_a_network_left_is_removed_once_it_is_confirmed(meshdht: Meshdht, held: Path) -> None:
    said = meshdht("forget")
    assert (said.code, said.out) == (2, "")
    assert "forgetting network home needs a confirmation" in said.err
    assert held.exists()
    assert meshdht("forget", "--yes") == (
        0,
        f"network home is already down\nremoved {held}\n",
        "",
    )
    assert not held.exists()


def test_another_network_stays(meshdht: Meshdht, held: Path) -> None:
    other = held.with_name("work")
    other.mkdir()
    (other / "state.db").write_text("")
    assert meshdht("forget", "--yes").code == 2
    assert meshdht("forget", "--yes", "--network", "work").code == 0
    assert held.exists()
    assert not other.exists()
    again = meshdht("forget", "--yes", "--network", "work2")
    assert again.code == 2


def test_systemd_starts_it_no_more(
    meshdht: Meshdht, held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr("meshdht.cli.verbs.forget.is_service", lambda *_: True)

    def systemctl(*arguments: str) -> str:
        asked.append(arguments)
        return ""

    monkeypatch.setattr(systemd, "systemctl", systemctl)
    assert meshdht("forget", "--yes").code == 0
    assert asked == [("disable", "--quiet", "--now", "meshdht@home.service")]
    assert not held.exists()
