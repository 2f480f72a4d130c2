"""Who is known to have gone over to a new generation, between whole nodes."""

from __future__ import annotations

import asyncio

from meshdht.crypto.keys import DeviceId
from meshdht.node.spread import Hearing, Spread
from simulations.loop import run
from tests.support.mesh import Machine, eventually, mesh


def names(spread: Spread) -> tuple[list[str], list[str], list[str]]:
    every = (spread.know, spread.waiting, spread.offline)
    know, waiting, offline = ([device.name for device in each] for each in every)
    return know, waiting, offline


async def revoke(admin: Machine, other: Machine) -> None:
    await admin.node.rotator.revoke(other.node.identity.signing.public)


def test_all_who_are_connected_are_heard_to_know_of_a_revocation() -> None:
    async def main() -> None:
        async with mesh(latency=(0.05, 0.05)) as world:
            first, *_, gone = await world.grow(6)
            await asyncio.sleep(1)
            await revoke(first, gone)
            assert names(first.node.spread()) == ([], ["d1", "d2", "d3", "d4"], [])
            await eventually(lambda: not first.node.spread().waiting, 3)
            spread = first.node.spread()
            assert names(spread) == (["d1", "d2", "d3", "d4"], [], [])
            assert 0.09 < spread.took_s < 3
            assert spread.generation == 2

    run(main())


def test_who_is_off_is_missing_until_it_comes_back() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, away, gone = await world.grow(4)
            await away.stop()
            await eventually(lambda: first.node.path(away.id).endpoint is None, 600)
            await revoke(first, gone)
            await eventually(lambda: not first.node.spread().waiting)
            assert names(first.node.spread()) == (["d1"], [], ["d2"])
            away.restart()
            await eventually(lambda: names(first.node.spread())[0] == ["d1", "d2"])
            assert names(second.node.spread())[2] == []

    run(main())


def test_a_device_that_is_connected_and_hears_nothing_is_waited_for() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _, deaf, gone = await world.grow(4)
            world.internet.blocked = lambda source, to: deaf.endpoint in (source, to)
            await revoke(first, gone)
            await asyncio.sleep(5)
            assert names(first.node.spread())[:2] == (["d1"], ["d2"])
            world.internet.blocked = lambda source, to: False
            await eventually(lambda: names(first.node.spread())[0] == ["d1", "d2"], 120)

    run(main())


def test_made_up_senders_are_not_remembered() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            hearing, roster = Hearing(5.0), first.node.roster
            for number in range(100):
                hearing.heard(DeviceId(number.to_bytes(20, "big")), 6.0, roster)
            hearing.heard(second.id, 7.5, roster)
            hearing.heard(second.id, 9.0, roster)
            spread = hearing.spread(first.id, 1, roster, [second.id], lambda device: True)
            assert (names(spread), spread.took_s) == ((["d1"], [], []), 2.5)
            assert list(hearing._at) == [second.id]
            hearing.begin(20.0)
            spread = hearing.spread(first.id, 2, roster, [], lambda device: False)
            assert [each.name for each in spread.elsewhere] == ["d1"]

    run(main())
