"""Into the DHT: at the start, and when somebody answers at last."""

from __future__ import annotations

import asyncio

from simulations.loop import run
from tests.support.mesh import eventually, mesh


def test_devices_that_heard_nobody_at_their_start_enter_the_dht_later() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await first.stop()
            await second.stop()
            world.internet.blocked = lambda source, to: True
            first.restart()
            second.restart()
            await asyncio.sleep(120)
            world.internet.blocked = lambda source, to: False
            await world.connected(within_s=130)
            await eventually(lambda: bool(first.node._dht.contacts()), 5)
            await asyncio.sleep(30)
            before = [first.store.sequence, second.store.sequence]
            await asyncio.sleep(600)
            assert [first.store.sequence, second.store.sequence] == before

    run(main())
