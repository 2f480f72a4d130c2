"""The parser: exit codes, options before and after the verb, errors without tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meshdht.cli.main import VERBS
from tests.api.fake_daemon import serving
from tests.cli.conftest import Meshdht

ALL_VERBS = [verb for section in VERBS.values() for verb in section]


@pytest.mark.parametrize("verb", ALL_VERBS)
def test_every_verb_explains_itself_with_an_example(meshdht: Meshdht, verb: str) -> None:
    result = meshdht(verb, "--help")
    assert result.code == 0
    assert result.err == ""
    assert "Example: " in result.out


def test_help_names_every_verb(meshdht: Meshdht) -> None:
    result = meshdht("--help")
    assert result.code == 0
    assert all(f"\n  {verb} " in result.out for verb in ALL_VERBS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("stauts", "meshdht status"), ("piing", "meshdht ping"), ("xyzzy", "meshdht --help")],
)
def test_a_misspelt_verb_is_met_with_the_nearest(meshdht: Meshdht, typed: str, meant: str) -> None:
    result = meshdht(typed)
    assert result == (2, "", f"meshdht: there is no verb {typed!r}\n  try: {meant}\n")


def test_an_unknown_option_points_at_the_verbs_help(meshdht: Meshdht) -> None:
    result = meshdht("status", "--jason")
    assert result.code == 2
    assert result.err.startswith("meshdht: No such option '--jason'")
    assert "  try: meshdht status --help\n" in result.err


def test_status_of_a_stopped_network_exits_1(meshdht: Meshdht) -> None:
    result = meshdht("status", "--network", "home")
    assert result.code == 1
    assert result.out == ""
    assert result.err.startswith("meshdht: network 'home' is not up\n  try: ")


def test_status_without_any_network_says_how_to_begin(meshdht: Meshdht) -> None:
    result = meshdht("status")
    assert result.code == 1
    assert "init home makes one" in result.err


def test_alone_without_a_terminal_it_prints_the_status(meshdht: Meshdht, socket_path: Path) -> None:
    with serving(socket_path):
        result = meshdht()
    assert result.code == 0
    assert result.out.startswith("home · ")


def test_alone_without_a_network_it_prints_its_help_as_a_usage_error(meshdht: Meshdht) -> None:
    result = meshdht()
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("Usage: meshdht")


def test_a_fault_is_a_line_and_no_traceback(
    meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault() -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("meshdht.cli.verbs.show.say", lambda _: fault())
    result = meshdht("version")
    assert result.code == 1
    assert result.err.startswith(
        "meshdht: this should not have happened: ZeroDivisionError: by zero\n"
    )
    monkeypatch.setenv("MESHDHT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        meshdht("version")


def test_an_interrupt_is_exit_code_130(meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("meshdht.cli.verbs.show.say", interrupt)
    assert meshdht("version") == (130, "", "\n")


def test_a_reader_that_leaves_early_sees_no_traceback(socket_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with serving(socket_path):
        result = subprocess.run(
            [sys.executable, "-m", "meshdht", "--runtime-dir", str(socket_path.parent), "status"],
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
        )
    os.close(write_end)
    assert (result.returncode, result.stderr) == (1, "")


def test_the_command_runs_in_a_plain_locale(socket_path: Path) -> None:
    with serving(socket_path):
        result = subprocess.run(
            [sys.executable, "-m", "meshdht", "--runtime-dir", str(socket_path.parent), "status"],
            env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert result.returncode == 0
    assert "laptop" in result.stdout
