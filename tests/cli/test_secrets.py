"""Secrets from files and stdin; where nobody can be asked, nothing is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from meshdht.api.errors import ApiError
from meshdht.cli.secrets import ask_unseen, read_file


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_or_stdin_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text("from a file\n")
    assert read_file(str(file), "the key") == "from a file\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("from stdin\n"))
    assert read_file("-", "the key") == "from stdin\n"


def test_an_endless_file_is_not_read_to_its_end() -> None:
    assert len(read_file("/dev/zero", "the key")) == 16 * 1024


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "picture"
    binary.write_bytes(b"\xff\xfe")
    for name, said in ((str(binary), "it is not text"), (str(tmp_path), "Is a directory")):
        with pytest.raises(ApiError, match=f"cannot read the key from {name}: {said}") as raised:
            read_file(name, "the key")
        assert raised.value.exit_code == 2


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("x\n"))
    with pytest.raises(ApiError, match="nobody can be asked") as raised:
        ask_unseen("Recovery key", "--key-file FILE")
    assert (raised.value.exit_code, raised.value.hint) == (2, "say --key-file FILE")


def test_in_a_terminal_it_is_typed_unseen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda _text: "secret")
    assert ask_unseen("Passphrase", "--passphrase-file FILE", twice=True) == "secret"
    assert "secret" not in "".join(capsys.readouterr())
