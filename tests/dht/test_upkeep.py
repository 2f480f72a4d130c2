from __future__ import annotations

import asyncio

from meshdht.dht.messages import StoreValue, decode_request
from meshdht.dht.proof import split_request
from meshdht.dht.upkeep import QUIET_S, REVIVAL_LONGEST_S
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import Peer, all_published, joined


def test_holders_do_not_push_to_newcomers_nor_publish_again() -> None:
    async def main() -> None:
        network = DatagramNetwork(10)
        peers = await joined(network, 10)
        await all_published(peers)
        for peer in peers:
            peer.tracing = True
        newcomer = Peer(network, 99)
        await newcomer.dht.bootstrap([peers[0].endpoint])
        async with asyncio.TaskGroup() as group:
            rounds = [group.create_task(peer.dht.run()) for peer in peers]
            await asyncio.sleep(2 * QUIET_S)
            for task in rounds:
                task.cancel()
        requests = [
            decode_request(split_request(body, peer.id)[0])
            for peer in peers
            for kind, _, body, _ in peer.sent
            if kind is MessageKind.DHT_REQUEST
        ]
        assert requests
        assert not [request for request in requests if isinstance(request, StoreValue)]
        assert len(newcomer.storage) == 0

    run(main())


def test_a_contact_that_died_leaves_the_table_and_comes_back() -> None:
    async def main() -> None:
        network = DatagramNetwork(14)
        peers = await joined(network, 4)
        peers[3].die()
        async with asyncio.TaskGroup() as group:
            upkeep = group.create_task(peers[0].dht.run())
            await asyncio.sleep(1.5 * QUIET_S)
            assert peers[3].id not in peers[0].known()
            assert peers[3].id in {contact.node_id for contact in peers[0].dht.contacts()}
            network.attach(peers[3].endpoint, peers[3].receive)
            await asyncio.sleep(REVIVAL_LONGEST_S)
            assert peers[3].id in peers[0].known()
            upkeep.cancel()

    run(main())


def test_a_dead_contact_is_tried_ever_more_rarely_and_with_one_datagram() -> None:
    async def main() -> None:
        network = DatagramNetwork(16)
        peers = await joined(network, 4)
        peers[3].die()
        async with asyncio.TaskGroup() as group:
            upkeep = group.create_task(peers[0].dht.run())
            await asyncio.sleep(QUIET_S + 600)
            assert peers[3].id not in peers[0].known()
            peers[0].tracing = True
            await asyncio.sleep(24 * 3600)
            upkeep.cancel()
        tries = [to for _, _, _, to in peers[0].sent if to == peers[3].endpoint]
        assert 24 / 6 <= len(tries) <= 24 / 6 + 4

    run(main())


def test_idle_upkeep_stays_under_two_megabytes_a_day_at_ten_devices() -> None:
    async def main() -> None:
        network = DatagramNetwork(15)
        peers = await joined(network, 10)
        before = network.sent_bytes[peers[4].endpoint]
        async with asyncio.TaskGroup() as group:
            rounds = [group.create_task(peer.dht.run()) for peer in peers]
            await asyncio.sleep(24 * 3600)
            for task in rounds:
                task.cancel()
        assert network.sent_bytes[peers[4].endpoint] - before < 2_000_000

    run(main())
