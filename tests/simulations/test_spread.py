from __future__ import annotations

import asyncio
import os
import weakref
from pathlib import Path
from typing import ClassVar

import pytest

from simulations.loop import run
from simulations.spread import spread


async def waited(name: str, seconds: float) -> tuple[str, float]:
    """What it was told, and how late it is when it has waited."""
    await asyncio.sleep(seconds)
    return name, asyncio.get_running_loop().time()


async def process(number: int) -> int:
    return os.getpid()


class Left:
    """Refers to itself, as the parts of a world do to each other."""

    every: ClassVar[list[weakref.ref[Left]]] = []

    def __init__(self) -> None:
        self.itself = self
        self.every.append(weakref.ref(self))


async def leaving(number: int) -> int:
    """How much there is yet of what those before have left."""
    there = sum(each() is not None for each in Left.every)
    Left()
    return there


async def failing(number: int) -> int:
    raise ValueError(f"run {number}")


@pytest.mark.parametrize("processes", [1, 2])
def test_each_run_begins_at_time_zero_and_they_come_in_the_order_of_the_cases(
    processes: int,
) -> None:
    cases = [("late", 9.0), ("early", 2.0), ("middle", 5.0)]
    assert run(spread(waited, cases, processes)) == cases


def test_several_processes_do_what_one_did_by_itself() -> None:
    assert run(spread(process, [(0,)], 1)) == [os.getpid()]
    others = run(spread(process, [(number,) for number in range(8)], 2))
    assert os.getpid() not in others
    assert len(set(others)) <= 2


def test_of_a_run_that_is_over_nothing_is_left_in_memory() -> None:
    assert run(spread(leaving, [(number,) for number in range(3)], 1)) == [0, 0, 0]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_that_fails_fails_the_whole(processes: int) -> None:
    with pytest.raises(ValueError, match="run 3"):
        run(spread(failing, [(3,), (4,)], processes))


@pytest.mark.parametrize("processes", [1, 2])
def test_what_was_cut_off_goes_on_from_what_is_kept(tmp_path: Path, processes: int) -> None:
    before = run(spread(process, [(1,), (2,)], 2, tmp_path))
    after = run(spread(process, [(2,), (1,), (3,)], processes, tmp_path))
    assert after[:2] == before[::-1]
    assert after[2] not in before
