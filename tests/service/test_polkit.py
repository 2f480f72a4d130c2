"""The rules of polkit; tests/lab/test_installed_names.py has polkit read them, and
tests/lab/old_polkit.py the older kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdht.service import polkit


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PACKAGED", "RULES", "OLD_RULES"):
        path: Path = getattr(polkit, name)
        monkeypatch.setattr(polkit, name, tmp_path / path.relative_to("/"))
    return tmp_path


def test_rules_are_put_where_there_is_a_polkit_and_taken_away(root: Path) -> None:
    polkit.RULES.parent.mkdir(parents=True)
    polkit.allow()
    assert [each for each in root.rglob("*") if each.is_file()] == [polkit.RULES]
    assert polkit.RULES.stat().st_mode & 0o777 == 0o644
    assert polkit.RULES.read_text() == polkit.rules_text()
    polkit.forbid()
    polkit.forbid()
    assert not [each for each in root.rglob("*") if each.is_file()]


def test_an_old_polkit_gets_rules_of_its_kind(root: Path) -> None:
    polkit.OLD_RULES.parent.mkdir(parents=True)
    polkit.allow()
    lines = polkit.OLD_RULES.read_text().splitlines()
    assert "Identity=unix-user:meshdht" in lines
    assert f"Action={';'.join(polkit.ACTIONS)}" in lines
    assert "ResultAny=yes" in lines


def test_without_a_polkit_there_is_nothing_to_do(root: Path) -> None:
    polkit.allow()
    assert not list(root.iterdir())


def test_what_a_package_brought_is_enough(root: Path) -> None:
    for file in (polkit.RULES, polkit.PACKAGED):
        file.parent.mkdir(parents=True)
    polkit.PACKAGED.touch()
    polkit.allow()
    assert not polkit.RULES.exists()


def test_the_user_may_do_what_names_need_and_no_more() -> None:
    text = polkit.rules_text()
    assert 'subject.user === "meshdht"' in text
    assert all(f'"{each}"' in text for each in polkit.ACTIONS)
    assert {each.rpartition(".")[0] for each in polkit.ACTIONS} == {"org.freedesktop.resolve1"}
