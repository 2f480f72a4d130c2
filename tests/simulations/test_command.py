"""The command line: what it prints can be made again."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulations import command
from simulations.command import main
from simulations.scenarios.catalogue import SCENARIOS, Entry
from simulations.scenarios.options import Options, Report


async def echo(options: Options) -> Report:
    """says what it was told"""
    return Report(f"{options.nodes} nodes, {options.loss:g} lost", "feed", ("a remark",))


async def broken(options: Options) -> Report:
    """fails"""
    raise ValueError(options.seed)


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {"echo": Entry(echo, {"nodes": 5}), "broken": Entry(broken, {"nodes": 5})}
    monkeypatch.setattr(command, "SCENARIOS", entries)


def test_without_a_name_it_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == "echo    says what it was told\nbroken  fails\n"


def test_the_command_that_makes_it_again_stands_on_top(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", "--loss", "0.10", "--seed", "7"]) == 0
    printed = capsys.readouterr().out
    first, second, *rest = printed.splitlines()
    assert first == "$ python -m simulations echo --nodes 5 --loss 0.1 --seed 7"
    assert second == "seed 7, event digest feed"
    assert rest == ["", "5 nodes, 0.1 lost", "", "a remark"]
    assert main(first.split()[4:]) == 0
    assert capsys.readouterr().out == printed


def test_where_it_keeps_what_is_done_is_no_part_of_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["echo", "--keep", "somewhere"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "$ python -m simulations echo --nodes 5 --seed 1"


def test_a_run_that_fails_names_its_seed_and_how_to_replay_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="9"):
        main(["broken", "--no-stock", "--seed", "9"])
    told = capsys.readouterr().err
    assert "seed 9" in told
    assert "python -m simulations broken --nodes 5 --no-stock --seed 9" in told


def test_a_name_that_is_none_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["nothing"])
    assert exit_.value.code == 2


def test_every_scenario_says_what_it_is_and_knows_its_defaults() -> None:
    names = {field.name for field in dataclasses.fields(Options)}
    for entry in SCENARIOS.values():
        assert entry.scenario.__doc__
        assert "nodes" in entry.defaults
        assert set(entry.defaults) <= names


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_scenario_that_cannot_be_divided_says_so(
    processes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["echo", "--processes", processes])
    assert exit_.value.code == 2
    assert "--processes: " in capsys.readouterr().err


def test_what_a_run_cost_is_told_beside_what_can_be_made_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["echo"]) == 0
    printed = capsys.readouterr()
    assert "CPU" not in printed.out
    assert re.search(r"took \d+ s, of these \d+ s of CPU; at most \d+ MiB of memory", printed.err)


def test_what_several_processes_cost_is_told_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    divisible = {"echo": Entry(echo, {"nodes": 5}, is_divisible=True)}
    monkeypatch.setattr(command, "SCENARIOS", divisible)
    assert main(["echo", "--processes", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("$ python -m simulations echo --nodes 5 --processes 2 --seed 1")
    assert "2 processes had" in printed.err


@pytest.mark.parametrize(
    ("own", "starts"), [({}, ["None", "malloc"]), ({"PYTHONMALLOC": "pymalloc"}, ["pymalloc"])]
)
def test_its_process_has_its_memory_in_huge_pages_unless_told_how(
    own: dict[str, str], starts: list[str], tmp_path: Path
) -> None:
    tell = "import os, sys; print(os.environ.get('PYTHONMALLOC'), file=sys.stderr)"
    (tmp_path / "sitecustomize.py").write_text(tell)
    unset = {"PYTHONMALLOC", "GLIBC_TUNABLES"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    result = subprocess.run(
        [sys.executable, "-m", "simulations"],
        env=environment | {"PYTHONPATH": str(tmp_path)} | own,
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    assert result.stderr.split() == starts
    assert "lookup" in result.stdout
