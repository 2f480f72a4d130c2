"""A report is shown first, and written if the user says so."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def test_in_a_pipe_it_is_shown_and_not_written(
    meshdht: Meshdht, service: FakeService, here: Path
) -> None:
    result = meshdht("bugreport")
    assert result.code == 0
    assert result.out.startswith("# meshdht bug report\n")
    assert "## Status" in result.out
    assert list(here.iterdir()) == []


def test_it_is_written_as_it_was_shown_to_a_new_file(
    meshdht: Meshdht, service: FakeService, here: Path
) -> None:
    shown = meshdht("bugreport", "--output", "report.md").out
    assert (here / "report.md").read_text() == shown
    assert stat.S_IMODE((here / "report.md").stat().st_mode) == 0o600
    again = meshdht("bugreport", "--output", "report.md")
    assert (again.code, "cannot write report.md: File exists" in again.err) == (2, True)


def test_yes_writes_it_here(meshdht: Meshdht, service: FakeService, here: Path) -> None:
    result = meshdht("bugreport", "--yes")
    [written] = here.iterdir()
    assert written.name.startswith("meshdht-bugreport-")
    assert written.name in result.err
    assert written.read_text() == result.out


@pytest.mark.parametrize("answer", [True, False])
def test_a_user_at_a_terminal_is_asked(
    meshdht: Meshdht, here: Path, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    monkeypatch.setattr("meshdht.cli.verbs.bugreport.interactive", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: answer)
    assert meshdht("bugreport").code == 0
    assert len(list(here.iterdir())) == answer
