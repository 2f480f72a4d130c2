"""Completion scripts, printed and installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Meshdht


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELL", "/bin/bash")
    return tmp_path


@pytest.mark.parametrize(
    ("shell", "mark"),
    [("bash", "complete -o"), ("zsh", "#compdef meshdht"), ("fish", "complete --no-files")],
)
def test_each_shell_has_its_script(meshdht: Meshdht, shell: str, mark: str) -> None:
    result = meshdht("completion", shell)
    assert (result.code, mark in result.out) == (0, True)
    assert "_MESHDHT_COMPLETE" in result.out


def test_ones_own_shell_is_taken_if_none_is_said(meshdht: Meshdht) -> None:
    assert meshdht("completion").out == meshdht("completion", "bash").out


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", ".local/share/bash-completion/completions/meshdht"),
        ("zsh", ".local/share/zsh/site-functions/_meshdht"),
        ("fish", ".config/fish/completions/meshdht.fish"),
    ],
)
def test_it_is_installed_where_the_shell_looks(
    meshdht: Meshdht, home: Path, shell: str, place: str
) -> None:
    result = meshdht("completion", shell, "--install")
    assert str(home / place) in result.out
    assert (home / place).read_text() == meshdht("completion", shell).out
    assert ("fpath" in result.err) is (shell == "zsh")


def test_a_shell_that_is_not_served_is_told(
    meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/tcsh")
    result = meshdht("completion")
    assert (result.code, "your shell is tcsh" in result.err) == (2, True)


def test_a_place_that_cannot_be_written_is_told(meshdht: Meshdht, home: Path) -> None:
    (home / ".local").touch()
    result = meshdht("completion", "bash", "--install")
    assert (result.code, "cannot write" in result.err) == (1, True)
