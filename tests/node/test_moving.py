"""Whom traffic goes to is called as soon as somebody hears us at our new address."""

from __future__ import annotations

import asyncio

from meshdht.crypto.keys import DeviceId
from meshdht.node.moving import CALLS, Moved
from simulations.loop import run
from tests.support.mesh import ELSEWHERE, eventually, mesh

DEVICES = [DeviceId(number.to_bytes(20)) for number in range(2 * CALLS)]


async def test_the_first_answer_from_the_new_address_hands_the_calls_on_once() -> None:
    called: list[DeviceId] = []
    it = Moved(called.append)
    it.proved(DEVICES[0])
    it.moved(DEVICES[:3])
    for proved in (DEVICES[0], DEVICES[5], DEVICES[6]):
        it.proved(proved)
        await asyncio.sleep(0)
    assert called == DEVICES[1:3]


async def test_with_many_connections_a_few_are_called() -> None:
    called: list[DeviceId] = []
    it = Moved(called.append)
    it.moved(DEVICES)
    it.proved(DEVICES[-1])
    await asyncio.sleep(0)
    assert called == DEVICES[:CALLS]


def test_one_whose_filter_knows_the_old_address_alone_is_reached_before_its_path_is_dead() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, _ = await world.grow(3)
            await asyncio.sleep(60)
            world.internet.filtered = {second.endpoint}
            first.node.want(second.id)
            await asyncio.sleep(1)
            first.move(ELSEWHERE)
            assert await eventually(lambda: second.reaches(first), 3) < 0.6

    run(main())
