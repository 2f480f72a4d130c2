"""The last minutes of each peer, as the service tells them."""

from __future__ import annotations

import asyncio

from meshdht.api.recent_messages import GetRecent, RecentPeer, RecentReply
from meshdht.crypto.keys import DeviceId
from meshdht.daemon.recent import TrafficPast
from meshdht.limits import TRAFFIC_PEERS_REMEMBERED
from simulations.loop import run
from tests.daemon.served import Served, served


async def told(by: Served) -> dict[str, RecentPeer]:
    reply = await by.service.answer(GetRecent())
    assert isinstance(reply, RecentReply)
    return {peer.id: peer for peer in reply.recent.peers}


def test_traffic_is_told_by_how_long_ago_it_was() -> None:
    async def main() -> None:
        async with served(2) as (_, [first, second]):
            device, now = second.machine.id, first.machine.clock.monotonic
            first.traffic.note(device, now(), 1000, 10)
            await asyncio.sleep(5)
            first.traffic.note(device, now(), 2000, 20)
            peer = (await told(first))[str(device)]
            assert (peer.traffic_ago_s, peer.received, peer.sent) == (
                (5, 0),
                (1000, 2000),
                (10, 20),
            )

    run(main())


def test_probes_are_told_and_those_that_nobody_answered_too() -> None:
    async def main() -> None:
        async with served(2) as (world, [first, second]):
            id = str(second.machine.id)
            await asyncio.sleep(60)
            peer = (await told(first))[id]
            assert peer.probed_ago_s == tuple(sorted(peer.probed_ago_s, reverse=True))
            assert peer.probed_ago_s[0] >= 55
            assert all(rtt_ms is not None and 39 < rtt_ms < 60 for rtt_ms in peer.rtt_ms)
            world.internet.blocked = lambda source, to: True
            await asyncio.sleep(60)
            assert (await told(first))[id].rtt_ms[-1] is None

    run(main())


def test_a_peer_of_which_nothing_is_remembered_is_left_out() -> None:
    async def main() -> None:
        async with served(2) as (_, [first, second]):
            assert set(await told(first)) == {str(second.machine.id)}

    run(main())


def test_the_traffic_of_so_many_peers_is_remembered_the_longest_silent_make_room() -> None:
    past = TrafficPast()
    devices = [DeviceId(n.to_bytes(20)) for n in range(TRAFFIC_PEERS_REMEMBERED + 1)]
    for device in devices[:-1]:
        past.note(device, 1.0, 1, 1)
    past.note(devices[0], 2.0, 1, 1)
    past.note(devices[-1], 3.0, 1, 1)
    assert list(past.of(devices[0]).seconds) == [1, 2]
    assert list(past.of(devices[1]).seconds) == []
    assert list(past.of(devices[-1]).seconds) == [3]
