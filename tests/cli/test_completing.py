"""What a shell offers at TAB, as it asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


class Shell:
    """Asks as bash does."""

    def __init__(self, meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch) -> None:
        self._meshdht = meshdht
        self._monkeypatch = monkeypatch

    def offers(self, line: str) -> list[str]:
        """What may stand in place of the last word of a line."""
        words = line.split(" ")
        self._monkeypatch.setenv("_MESHDHT_COMPLETE", "bash_complete")
        self._monkeypatch.setenv("COMP_WORDS", line)
        self._monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        result = self._meshdht()
        self._monkeypatch.delenv("_MESHDHT_COMPLETE")
        assert result.err == ""
        return [each.partition(",")[2] for each in result.out.splitlines() if each]


@pytest.fixture
def shell(meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(meshdht, monkeypatch)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """An executable called meshdht, for a shell to ask."""
    path = tmp_path / "meshdht"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m meshdht "$@"\n')
    path.chmod(0o755)
    return path


def test_verbs_and_those_of_a_verb_are_offered(shell: Shell) -> None:
    assert shell.offers("meshdht sta") == ["status"]
    assert {"init", "status", "doctor"} <= set(shell.offers("meshdht "))
    assert shell.offers("meshdht device re") == ["rename", "replace-keys"]


def test_options_are_offered(shell: Shell) -> None:
    assert "--json" in shell.offers("meshdht status --")
    assert shell.offers("meshdht --ru") == ["--runtime-dir"]


def test_devices_are_offered_by_what_the_daemon_knows(shell: Shell, service: FakeService) -> None:
    assert shell.offers("meshdht ping ") == ["attic", "laptop", "phone"]
    assert shell.offers("meshdht path la") == ["laptop"]
    assert shell.offers("meshdht device tag n") == ["nas"]
    assert shell.offers("meshdht ping nobo") == []
    assert shell.offers("meshdht wait --direct ph") == ["phone"]


def test_who_waits_what_is_open_and_what_can_be_set_are_offered(
    shell: Shell, service: FakeService
) -> None:
    assert shell.offers("meshdht approve ") == ["pi"]
    assert shell.offers("meshdht invite revoke 5") == ["5f3a91c0"]
    assert shell.offers("meshdht get l") == ["log_level"]
    assert shell.offers("meshdht set p") == ["port_mapping="]


def test_networks_are_offered(shell: Shell, service: FakeService) -> None:
    assert shell.offers("meshdht status --network ") == ["home"]
    assert shell.offers("meshdht --network home ping at") == ["attic"]


def test_without_a_daemon_nothing_is_offered_and_nothing_said(shell: Shell) -> None:
    assert shell.offers("meshdht ping ") == []
    assert shell.offers("meshdht ping --network elsewhere ") == []


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_the_real_fish_completes_with_the_script(
    meshdht: Meshdht, service: FakeService, program: Path
) -> None:
    script = meshdht("completion", "fish").out
    done = subprocess.run(
        ["fish", "--no-config", "-c", script + "complete -C 'meshdht ping a'"],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split("\t") == ["attic", "offline\n"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_the_real_zsh_reads_the_script(meshdht: Meshdht, tmp_path: Path) -> None:
    script = tmp_path / "_meshdht"
    script.write_text(meshdht("completion", "zsh").out)
    subprocess.run(["zsh", "-n", str(script)], check=True, timeout=60)


def test_the_real_bash_completes_with_the_script(
    meshdht: Meshdht, service: FakeService, program: Path
) -> None:
    script = meshdht("completion", "bash").out
    typed = """
    COMP_WORDS=(meshdht ping la) COMP_CWORD=2
    _meshdht_completion meshdht la ping
    echo "${COMPREPLY[@]}"
    complete -p meshdht
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script + typed],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    offered, registered = done.stdout.splitlines()
    assert offered == "laptop"
    assert registered.endswith("-F _meshdht_completion meshdht")
