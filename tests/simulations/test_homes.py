from __future__ import annotations

import asyncio
from itertools import combinations

from meshdht.paths.candidate import PathKind
from simulations.homes import Homes
from simulations.loop import run
from simulations.network import DatagramNetwork
from simulations.world import world


def test_whoever_can_be_direct_is_and_whoever_cannot_is_not() -> None:
    async def main() -> None:
        async with world(1, DatagramNetwork(1)) as one:
            homes = Homes(one.network, 10)
            one.install(10, places=homes.places)
            await one.start_all(spread_s=5.0)
            await asyncio.sleep(120)
            for host, other in combinations(one.hosts, 2):
                assert host.reaches(other) == homes.can_be_direct(host, other)

    run(main())


def test_the_devices_of_one_home_find_each_other_on_its_lan() -> None:
    async def main() -> None:
        async with world(1, DatagramNetwork(1)) as one:
            one.install(10, places=Homes(one.network, 10).places)
            await one.start_all(spread_s=5.0)
            await asyncio.sleep(120)
            for host, other in combinations(one.hosts[:5], 2):
                assert host.node.path(other.id).kind is PathKind.LAN
            assert one.hosts[0].node.path(one.hosts[5].id).kind is PathKind.DIRECT

    run(main())
