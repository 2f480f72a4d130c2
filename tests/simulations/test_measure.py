"""What is counted, and that it is counted right."""

from __future__ import annotations

import asyncio

from simulations.loop import run
from simulations.measure import (
    Tally,
    kill,
    locator_of,
    look_up,
    many_lookups,
    many_publications,
    newest,
    publish,
    settled,
)
from simulations.network import DatagramNetwork
from simulations.world import world


def test_a_settled_world_has_joined_published_and_finds_everybody() -> None:
    async def main() -> None:
        async with world(1) as one:
            await settled(one, 8)
            assert all(len(host.dht.contacts()) == 7 for host in one.hosts)
            tally = await many_lookups(one, 30, one.hosts, one.hosts)
            assert (tally.asked, tally.found, tally.stale) == (30, 30, 0)
            assert len(tally.cells()) == len(Tally.HEAD)
            stored = await many_publications(one, one.hosts)
            assert (stored.asked, stored.found) == (8, 8)
            assert min(stored.sent) >= 7

    run(main())


def test_a_record_that_nobody_holds_is_not_found_and_an_old_one_is_stale() -> None:
    async def main() -> None:
        async with world(2) as one:
            await settled(one, 4)
            reader, author = one.hosts[:2]
            key = locator_of(author, author.clock.unix())
            held = author.dht._storage._held
            held[key] = type(held[key])(b"newer", newest(author, key) + 1, 1e9, "own", b"")
            tally = Tally()
            await look_up(one, tally, reader, author)
            assert (tally.found, tally.stale) == (1, 1)
            await asyncio.sleep(1)
            for host in one.hosts:
                host.dht._storage._held.clear()
            await look_up(one, tally, reader, author)
            await publish(one, tally, author)
            assert (tally.asked, tally.found) == (3, 1)

    run(main())


def test_half_of_the_hosts_die_at_once() -> None:
    async def main() -> None:
        async with world(3, DatagramNetwork(3)) as one:
            one.install(6)
            await one.start_all(spread_s=0.5)
            await asyncio.sleep(1)
            alive = await kill(one, 0.5)
            assert len(alive) == 3
            assert all(host.is_on for host in alive)

    run(main())


def test_tallies_add_up() -> None:
    one, other = Tally(asked=1, found=1, seconds=[0.1]), Tally(asked=2, stale=1, sent=[3])
    one.add(other)
    assert one == Tally(asked=3, found=1, stale=1, seconds=[0.1], sent=[3])
