"""Into the DHT: at the start, when the network changes, when somebody is heard at last."""

from __future__ import annotations

import asyncio

from meshdht.endpoint import Endpoint
from meshdht.node.entrance import RETRY_S, RETRY_WIDTH
from simulations.loop import run
from tests.support.mesh import Machine, Mesh, eventually, mesh

NOWHERE = Endpoint("198.18.240.1", 41820)


async def forgetful(world: Mesh, *hints: Endpoint) -> tuple[Machine, Machine]:
    """Two members, of which the second remembers nobody and is off."""
    first, second = await world.grow(2)
    await asyncio.sleep(60)
    await second.stop()
    second.store.peers.clear()
    second.store.contacts = ()
    second.store.values.clear()
    second.store.hints = hints
    # The first does not look for it either: what is tested is the second's own way in.
    world.internet.blocked = lambda source, to: (
        source == first.endpoint and (first.endpoint, second.endpoint) not in heard
    )
    heard: set[tuple[Endpoint, Endpoint]] = set()

    def tap(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        if source == second.endpoint:
            heard.add((to, source))

    world.internet.tap = tap
    return first, second


def is_in(machine: Machine) -> bool:
    return machine.node._dht.is_entered


def test_a_hint_of_the_invite_is_enough() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await forgetful(world, NOWHERE, Endpoint("198.18.1.1", 41820))
            assert second.store.hints[-1] == first.endpoint
            second.restart()
            assert await eventually(lambda: is_in(second), 5) < 0.3
            await world.connected(within_s=3)

    run(main())


def test_an_anchor_that_the_user_named_is_asked_at_once_when_its_address_is_known() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await forgetful(world)
            second.restart()
            await asyncio.sleep(100)
            assert not is_in(second)
            second.node.set_anchors([first.endpoint])
            assert await eventually(lambda: is_in(second), 5) < 0.3

    run(main())


def test_who_is_heard_nearby_is_asked_at_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await forgetful(world, NOWHERE)
            second.restart()
            await asyncio.sleep(100)
            assert not is_in(second)
            second.node.heard_nearby(first.id, first.endpoint)
            assert await eventually(lambda: is_in(second), 5) < 0.3
            await world.connected(within_s=1)

    run(main())


def test_a_stranger_that_is_heard_nearby_is_nobody() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await forgetful(world)
            second.restart()
            await asyncio.sleep(100)
            before = world.internet.sent[second.endpoint]
            second.node.heard_nearby(type(first.id)(bytes(20)), first.endpoint)
            await asyncio.sleep(5)
            assert world.internet.sent[second.endpoint] == before

    run(main())


def test_it_tries_again_ever_more_rarely_and_asks_a_few() -> None:
    async def main() -> None:
        async with mesh() as world:
            many = [Endpoint(f"198.18.240.{each}", 41820) for each in range(1, 101)]
            _, second = await forgetful(world, *many)
            times: list[float] = []
            world.internet.tap = lambda datagram, source, to: (
                times.append(asyncio.get_running_loop().time())
                if source == second.endpoint and to in many
                else None
            )
            begun = asyncio.get_running_loop().time()
            second.restart()
            await asyncio.sleep(2 * 3600)
            last_hour = [each for each in times if each > begun + 3600]
            assert len([each for each in times if each < begun + 2]) >= 100
            assert 0 < len(last_hour) < 3600 / (RETRY_S[-1] * 0.8) * RETRY_WIDTH * 3.5

    run(main())


def test_a_changed_network_is_tried_at_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await forgetful(world, Endpoint("198.18.1.1", 41820))
            world.internet.blocked = lambda source, to: source == second.endpoint
            second.restart()
            await asyncio.sleep(1000)
            assert not is_in(second)
            world.internet.blocked = lambda source, to: False
            second.move(Endpoint("198.18.77.1", 41820))
            assert await eventually(lambda: is_in(second), 5) < 0.5
            assert first.endpoint

    run(main())


def test_who_finds_itself_outside_gets_in_again() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(60)
            world.internet.blocked = lambda source, to: True
            await asyncio.sleep(3 * 3600)
            assert not is_in(first)
            world.internet.blocked = lambda source, to: False
            await eventually(lambda: is_in(first) and is_in(second), 400)

    run(main())


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
            await eventually(lambda: is_in(first), 5)
            await asyncio.sleep(30)
            before = [first.store.sequence, second.store.sequence]
            await asyncio.sleep(600)
            assert [first.store.sequence, second.store.sequence] == before

    run(main())
