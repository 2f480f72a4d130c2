"""What gets a device through NATs, as one part of its node."""

from __future__ import annotations

import asyncio

from simulations.loop import run
from tests.support.mesh import mesh
from tests.support.nats import CONE, SYMMETRIC, behind, settle, wanted_until_direct


def test_what_was_done_is_counted_for_others_too() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC) as (one, hosts):
            await settle(hosts)
            await wanted_until_direct(hosts[0], hosts[1], 60)
            counters = [host.node.traversal.counters() for host in one.hosts]
            assert counters[2]["easy_begun"] == counters[3]["hard_begun"] == 1
            assert counters[0]["asked_witness"] > 0
            assert counters[0]["asked_other_port"] > 0

    run(main())


def test_a_device_without_sockets_to_spare_does_nothing_for_itself() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(3)
            await asyncio.sleep(600)
            assert all(not each.node.traversal.counters() for each in machines)

    run(main())
