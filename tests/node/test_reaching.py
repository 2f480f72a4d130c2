"""What others have a node do to reach its devices."""

from __future__ import annotations

import asyncio

from meshdht.crypto.keys import DeviceId
from meshdht.paths.candidate import PathKind
from simulations.loop import run
from simulations.world import world


def test_a_ping_to_a_device_far_away_is_answered_within_a_second() -> None:
    async def main() -> None:
        async with world(1) as one:
            one.install(60)
            await one.start_all(spread_s=1.0)
            await asyncio.sleep(60)
            host = one.hosts[0]
            near = one.ledger.roster.neighbourhood(host.id)
            far = [each for each in one.hosts[1:] if each.id not in near][:5]
            for other in far:
                result = await host.node.ping(other.id, 1.0)
                assert result is not None, "by the first try, though no path is kept there"
                assert result.endpoint == other.endpoint
                assert result.kind is PathKind.DIRECT
            assert await host.node.ping(DeviceId(bytes(20)), 1.0) is None

    run(main())


def test_two_who_ping_at_once_are_both_answered() -> None:
    async def main() -> None:
        async with world(1) as one:
            one.install(2)
            await one.start_all(spread_s=1.0)
            await asyncio.sleep(10)
            first, second = one.hosts
            results = await asyncio.gather(*(first.node.ping(second.id, 1.0) for _ in range(3)))
            assert all(results)

    run(main())


def test_with_two_neighbours_connected_the_others_of_a_large_network_are_not_looked_up() -> None:
    async def main() -> None:
        async with world(1) as one:
            one.install(60)
            host = one.hosts[0]
            near = one.ledger.roster.neighbourhood(host.id)
            others = [each for each in one.hosts if each.id in near][:2]
            lookups = 0

            async def lookup(key: bytes) -> bytes | None:
                nonlocal lookups
                lookups += 1
                return await original(key)

            for other in others:
                host.disk.know_peer(other.id, other.endpoint)
            for each in (host, *others):
                each.start()
            await asyncio.sleep(60)
            assert all(map(host.reaches, others))
            original = host.dht.lookup
            host.dht.lookup = lookup  # type: ignore[method-assign]
            await asyncio.sleep(3600)
            assert lookups == 0
            await host.node.ping(near[-1], 1.0)
            await asyncio.sleep(10)
            assert lookups > 0, "who is wanted is looked up"

    run(main())
