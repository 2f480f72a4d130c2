"""What must outlive the process is written down, and a disk that refuses is told of once."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.errors import StateError
from simulations.loop import run
from tests.support.mesh import mesh


def test_a_failing_disk_stops_nothing_and_is_reported_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            link = await first.invite()
            await asyncio.sleep(1)
            first.store.failing = True
            third = await world.join(link, hints=[second.endpoint])
            await world.connected()
            await asyncio.sleep(120)
            assert first.names() == ["d0", "d1", "d2"]
            assert first.reaches(third)
            assert len(first.observed.failures) == 1

    run(main())


def test_saving_on_a_failing_disk_says_so() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            first.store.failing = True
            with pytest.raises(StateError):
                await first.node.save()

    run(main())
