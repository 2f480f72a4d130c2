"""What a bucket's refresh asks for: newcomers, and nothing that is known already."""

from __future__ import annotations

import asyncio

from meshdht.dht.dht import ALPHA, K
from meshdht.dht.exploration import Exploration
from meshdht.dht.lookup import DISJOINT_PATHS, STRANGERS
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import Peer, joined


async def explore(peer: Peer, target: bytes) -> int:
    """How many requests it took."""
    peer.sent.clear()
    peer.tracing = True
    await Exploration(peer.dht._protocol, target, K, ALPHA).find()
    return sum(kind is MessageKind.DHT_REQUEST for kind, *_ in peer.sent)


def test_where_all_are_known_a_few_are_asked() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(1), 30)
        one = peers[0]
        while len(one.known()) < 29:
            await one.dht.find_node(peers[len(one.known())].id)
        assert await explore(one, peers[7].id) <= 2 * DISJOINT_PATHS + STRANGERS < K

    run(main())


def test_who_has_come_since_is_met() -> None:
    async def main() -> None:
        network = DatagramNetwork(2)
        peers = await joined(network, 30)
        newcomer = Peer(network, 99)
        await newcomer.dht.bootstrap([peers[3].endpoint])
        strangers = [peer for peer in peers if newcomer.id not in peer.known()]
        assert strangers, "else this shows nothing"
        for peer in strangers:
            await explore(peer, newcomer.id)
            assert newcomer.id in peer.known()

    run(main())


def test_the_dead_are_not_waited_for() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(3), 30)
        for peer in peers[1:20]:
            peer.die()
        async with asyncio.timeout(5):
            await explore(peers[0], peers[1].id)

    run(main())
