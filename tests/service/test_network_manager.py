"""The file for NetworkManager; tests/lab/test_network_manager.py has it read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdht.service import network_manager


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PACKAGED", "FILE"):
        path: Path = getattr(network_manager, name)
        monkeypatch.setattr(network_manager, name, tmp_path / path.relative_to("/"))
    return tmp_path


def test_it_is_put_where_there_is_a_network_manager_and_taken_away(root: Path) -> None:
    network_manager.FILE.parent.mkdir(parents=True)
    assert network_manager.tell()
    assert network_manager.FILE.read_text() == network_manager.text()
    assert network_manager.FILE.stat().st_mode & 0o777 == 0o644
    network_manager.forget()
    network_manager.forget()
    assert not [each for each in root.rglob("*") if each.is_file()]


def test_without_one_there_is_nothing_to_do(root: Path) -> None:
    assert not network_manager.tell()
    assert not list(root.iterdir())


def test_what_a_package_brought_is_enough_and_wants_to_be_read(root: Path) -> None:
    for file in (network_manager.FILE, network_manager.PACKAGED):
        file.parent.mkdir(parents=True)
    network_manager.PACKAGED.touch()
    assert network_manager.tell()
    assert not network_manager.FILE.exists()
