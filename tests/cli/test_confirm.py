"""Asking before what cannot be taken back."""

from __future__ import annotations

import io
import sys

import click
import pytest

from meshdht.api.errors import ApiError
from meshdht.cli.confirm import confirm


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_yes_asks_nobody() -> None:
    confirm("leaving", "leave?", yes=True)


def test_where_nobody_can_be_asked_it_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(ApiError, match="leaving needs a confirmation") as raised:
        confirm("leaving", "leave?", yes=False)
    assert (raised.value.hint, raised.value.exit_code) == ("say --yes", 2)


def test_a_user_is_asked_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    confirm("leaving", "leave?", yes=False)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "leave? [y/N]: ")


def test_no_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("\n"))
    with pytest.raises(click.Abort):
        confirm("leaving", "leave?", yes=False)
