"""How peers are reached beyond our own networks."""

from __future__ import annotations

import asyncio

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.paths.pace import NEEDED_S
from simulations.loop import run
from tests.support.nats import CONE, SYMMETRIC, behind, settle


def test_peers_are_seen_where_their_nats_show_them() -> None:
    async def main() -> None:
        async with behind(CONE) as (one, hosts):
            await settle(hosts)
            beyond = one.hosts[0].node._peers.beyond
            assert beyond.seen_at(hosts[0].id) == Endpoint("20.0.2.1", 41820)
            assert beyond.seen_at(one.hosts[1].id) == one.hosts[1].endpoint
            assert beyond.seen_at(DeviceId(b"x" * 20)) is None
            seen = {each.device for each in beyond.connected()}
            assert seen == {hosts[0].id, one.hosts[1].id}
            assert beyond.is_alive(hosts[0].id, Endpoint("20.0.2.1", 41820))
            assert not beyond.is_alive(hosts[0].id, Endpoint("20.0.2.1", 41821))

    run(main())


def test_who_is_needed_and_not_reached_is_told_for_as_long_as_it_is_needed() -> None:
    async def main() -> None:
        async with behind(SYMMETRIC, SYMMETRIC) as (one, hosts):
            await settle(hosts)
            first, second = hosts
            beyond = first.node._peers.beyond
            assert beyond.needed_in_vain() == []
            for device in (second.id, one.hosts[0].id):
                first.node.want(device)
                assert beyond.is_needed(device)
            assert beyond.needed_in_vain() == [second.id]
            assert beyond.has_direct(one.hosts[0].id)
            await asyncio.sleep(NEEDED_S + 1)
            assert beyond.needed_in_vain() == []

    run(main())
