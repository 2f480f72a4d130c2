"""``meshdht backup`` and ``restore``: what is asked, and what is refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshdht.api.launch import Action, Backup, Ready, Restore
from meshdht.cli.verbs import backup as verbs
from tests.cli.conftest import Meshdht

WORDS = "four random words"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Action]:
    """What daemons were started with."""
    actions: list[Action] = []

    def start(_settings: Any, action: Action, _timeout_s: float) -> Ready:
        actions.append(action)
        return Ready(network="home", socket="", device="nas", addresses=())

    monkeypatch.setattr(verbs, "start", start)
    monkeypatch.setattr(verbs, "need_root", lambda _command: None)
    return actions


@pytest.fixture
def words(tmp_path: Path) -> str:
    file = tmp_path / "words"
    file.write_text(WORDS + "\n")
    return str(file)


def test_a_network_is_backed_up_under_a_passphrase_from_a_file(
    meshdht: Meshdht, asked: list[Action], words: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "nas.backup")
    said = meshdht("backup", file, "--network", "home", "--passphrase-file", words)
    assert said == (0, f"nas of network home is in {file}\n", "")
    assert asked == [Backup(network="home", file=file, passphrase=WORDS)]
    assert WORDS not in repr(asked)


def test_a_relative_file_is_where_the_user_stands(
    meshdht: Meshdht,
    asked: list[Action],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    said = meshdht("restore", "nas.backup", "--passphrase-file", words)
    assert said.out == "this machine is nas of network home\n"
    assert said.err.startswith("next: meshdht up --network home")
    file = str(tmp_path / "nas.backup")
    assert asked == [Restore(file=file, passphrase=WORDS, network=None)]
    assert WORDS not in repr(asked)


def test_a_script_reads_what_was_kept_and_where(
    meshdht: Meshdht, asked: list[Action], words: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "nas.backup")
    told = {"version": 1, "network": "home", "device": "nas", "file": file}
    for verb in ("backup", "restore"):
        said = meshdht(verb, file, "--network", "home", "--passphrase-file", words, "--json")
        assert (said.code, said.err) == (0, "")
        assert json.loads(said.out) == told
    assert len(asked) == 2


def test_in_a_terminal_a_new_passphrase_is_asked_for_twice(
    meshdht: Meshdht, asked: list[Action], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[bool] = []

    def ask(_question: str, _option: str, *, twice: bool = False) -> str:
        questions.append(twice)
        return WORDS

    monkeypatch.setattr(verbs, "ask_unseen", ask)
    file = str(tmp_path / "nas.backup")
    assert meshdht("backup", file, "--network", "home").code == 0
    assert meshdht("restore", file).code == 0
    assert questions == [True, False]
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [("short\n", "a passphrase of 5 characters is soon guessed"), ("\n", "holds no passphrase")],
)
def test_a_passphrase_that_is_none_is_refused(
    meshdht: Meshdht, asked: list[Action], tmp_path: Path, content: str, said: str
) -> None:
    words = tmp_path / "words"
    words.write_text(content)
    file = str(tmp_path / "nas.backup")
    told = meshdht("backup", file, "--network", "home", "--passphrase-file", str(words))
    assert told.code == 2
    assert said in told.err
    assert asked == []


def test_a_file_that_is_there_is_left_alone(
    meshdht: Meshdht, asked: list[Action], words: str
) -> None:
    told = meshdht("backup", words, "--network", "home", "--passphrase-file", words)
    assert told.code == 2
    assert "is not overwritten" in told.err
    assert asked == []


@pytest.mark.parametrize("named", [(), ("--network", "anchor")])
def test_an_anchor_is_refused_with_what_to_do(
    meshdht: Meshdht,
    asked: list[Action],
    words: str,
    state_dir: Path,
    named: tuple[str, ...],
) -> None:
    anchor = state_dir / "anchors" / "anchor"
    anchor.mkdir(parents=True)
    (anchor / "state.db").write_bytes(b"x")
    file = str(state_dir.parent / "vps.backup")
    said = meshdht("backup", file, "--passphrase-file", words, *named)
    assert said.code == 2
    assert "an anchor is not backed up" in said.err
    assert "meshdht anchor link" in said.err
    assert asked == []


def test_a_network_beside_an_anchor_is_backed_up(
    meshdht: Meshdht, asked: list[Action], words: str, state_dir: Path
) -> None:
    for directory in (state_dir / "anchors" / "anchor", state_dir / "home"):
        directory.mkdir(parents=True)
        (directory / "state.db").write_bytes(b"x")
    file = str(state_dir.parent / "nas.backup")
    assert meshdht("backup", file, "--passphrase-file", words).code == 0
    assert asked == [Backup(network="home", file=file, passphrase=WORDS)]
