"""Writes behind the handlers' backs: in order, bounded, and a failure is told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from meshdht.errors import StateError
from meshdht.limits import JOURNAL_WRITES
from meshdht.node.journal import Journal, Write
from simulations.loop import run


@asynccontextmanager
async def journal(told: list[StateError]) -> AsyncIterator[Journal]:
    opened = Journal(told.append)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(opened.run())
        yield opened
        task.cancel()


def noting(done: list[int], number: int, delay_s: float = 0.0) -> Write:
    async def write() -> None:
        await asyncio.sleep(delay_s)
        done.append(number)

    return write


async def refuse() -> None:
    raise StateError("the disk is full", "free some")


def test_writes_are_carried_out_in_their_order() -> None:
    async def main() -> None:
        done: list[int] = []
        async with journal([]) as opened:
            for number in range(20):
                opened.write(noting(done, number, delay_s=20.0 - number))
            await opened.flush()
            assert done == list(range(20))

    run(main())


def test_a_flush_with_nothing_to_write_returns_at_once() -> None:
    async def main() -> None:
        async with journal([]) as opened:
            await opened.flush()
            assert asyncio.get_running_loop().time() == 0

    run(main())


def test_a_flush_waits_for_what_was_handed_in_before_it() -> None:
    async def main() -> None:
        done: list[int] = []
        async with journal([]) as opened:
            opened.write(noting(done, 1, delay_s=5))
            await opened.flush()
            assert done == [1]
            assert asyncio.get_running_loop().time() == 5

    run(main())


def test_a_failing_disk_is_counted_and_told_once_and_the_rest_goes_on() -> None:
    async def main() -> None:
        done: list[int] = []
        told: list[StateError] = []
        async with journal(told) as opened:
            for number in range(3):
                opened.write(refuse)
                opened.write(noting(done, number))
            await opened.flush()
            assert done == [0, 1, 2]
            assert opened.failed == 3
            assert [error.message for error in told] == ["the disk is full"]

    run(main())


def test_a_queue_that_is_full_gives_up_the_oldest() -> None:
    async def main() -> None:
        done: list[int] = []
        async with journal([]) as opened:
            for number in range(JOURNAL_WRITES + 5):
                opened.write(noting(done, number))
            await opened.flush()
            assert opened.dropped == 5
            assert done == list(range(5, JOURNAL_WRITES + 5))

    run(main())


def test_a_programming_error_is_not_hidden() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        async with journal([]) as opened:
            opened.write(broken)
            await asyncio.sleep(1)

    with pytest.raises(ExceptionGroup) as raised:
        run(main())
    assert raised.value.subgroup(ZeroDivisionError)
