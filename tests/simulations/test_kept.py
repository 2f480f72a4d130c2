from __future__ import annotations

from pathlib import Path

import pytest

from simulations import kept
from simulations.kept import Kept
from simulations.loop import run

made: list[int] = []


async def doubled(number: int) -> int:
    made.append(number)
    return 2 * number


async def squared(number: int) -> int:
    return number * number


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    made.clear()


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    results = [run(Kept(tmp_path / "new").made(doubled, (each,))) for each in (3, 4, 3)]
    assert results == [6, 8, 6]
    assert made == [3, 4]


def test_another_function_has_results_of_its_own(tmp_path: Path) -> None:
    assert run(Kept(tmp_path).made(doubled, (3,))) == 6
    assert run(Kept(tmp_path).made(squared, (3,))) == 9


def test_what_was_half_written_does_not_count(tmp_path: Path) -> None:
    run(Kept(tmp_path).made(doubled, (3,)))
    (path,) = tmp_path.iterdir()
    path.rename(path.with_suffix(".half"))
    assert run(Kept(tmp_path).made(doubled, (3,))) == 6
    assert made == [3, 3]


def test_what_another_source_gave_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(Kept(tmp_path).made(doubled, (3,)))
    monkeypatch.setattr(kept, "_source", lambda: "another")
    run(Kept(tmp_path).made(doubled, (3,)))
    assert made == [3, 3]


def test_the_source_is_that_of_all_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "simulations").mkdir()
    monkeypatch.setattr(kept, "_SOURCES", tmp_path)
    monkeypatch.setattr(kept, "_source", kept._source.__wrapped__)
    before = kept._source()
    (tmp_path / "simulations" / "new.py").write_text("one = 1\n")
    assert kept._source() != before
