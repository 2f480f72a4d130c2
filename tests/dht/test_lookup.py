from __future__ import annotations

import asyncio
import random
import statistics

from meshdht.dht.dht import ALPHA, K
from meshdht.dht.lookup import NodeLookup
from meshdht.dht.messages import Nodes, WireContact
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_LOOKUP_CANDIDATES, DHT_LOOKUP_REQUESTS
from simulations.latency import fixed
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import Peer, all_published, distance, joined, key_of, value_of


async def timed_lookups(
    readers: list[Peer], authors: int, count: int, seed: int = 5
) -> list[float]:
    """Times of look-ups of random values by random readers; each must be found."""
    rng = random.Random(seed)
    loop = asyncio.get_running_loop()
    times = []
    for _ in range(count):
        author = str(rng.randrange(authors))
        began = loop.time()
        assert await rng.choice(readers).dht.lookup(key_of(author)) == value_of(author, 1)
        times.append(loop.time() - began)
    return times


def test_a_lookup_in_a_small_network_is_one_step() -> None:
    async def main() -> None:
        network = DatagramNetwork(1, latency=fixed(0.05))
        peers = await joined(network, 5)
        await all_published(peers)
        newcomer = Peer(network, 99)
        await newcomer.dht.bootstrap([peers[0].endpoint])
        began = newcomer.clock.monotonic()
        assert await newcomer.dht.lookup(key_of("3")) == value_of("3", 1)
        assert newcomer.clock.monotonic() - began < 0.11

    run(main())


def test_a_hundred_nodes_find_every_value_also_with_half_of_them_dead() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(2), 100)
        await all_published(peers[:60])
        await timed_lookups(peers, authors=60, count=60)
        random.Random(4).shuffle(peers)
        for peer in peers[:50]:
            peer.die()
        times = await timed_lookups(peers[50:], authors=60, count=100)
        assert statistics.median(times) < 0.6
        assert max(times) < 2

    run(main())


def test_three_hundred_nodes_find_every_value() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(3), 300)
        await all_published(peers[:30])
        times = await timed_lookups(peers, authors=30, count=60)
        assert len(times) == 60
        assert max(times) < 3

    run(main())


def test_with_a_third_of_the_packets_lost_every_value_is_found() -> None:
    async def main() -> None:
        network = DatagramNetwork(5, loss=0.3, duplication=0.05)
        peers = await joined(network, 60)
        await all_published(peers)
        times = await timed_lookups(peers, authors=60, count=100)
        assert max(times) < 3

    run(main())


def test_a_reader_never_gets_an_older_value_than_a_majority_acknowledged() -> None:
    async def main() -> None:
        network = DatagramNetwork(7)
        peers = await joined(network, 11)
        await peers[0].dht.publish(key_of("0"), value_of("0", 1))
        for peer in peers[1:5]:
            peer.die()
        assert await peers[0].dht.publish(key_of("0"), value_of("0", 2)) == 6
        for peer in peers[1:5]:
            network.attach(peer.endpoint, peer.receive)
        reader = Peer(network, 99)
        await reader.dht.bootstrap([peers[1].endpoint, peers[7].endpoint])
        assert await reader.dht.lookup(key_of("0")) == value_of("0", 2)

    run(main())


def test_a_reader_mends_a_holder_that_it_asked() -> None:
    async def main() -> None:
        network = DatagramNetwork(19)
        peers = await joined(network, 2)
        await peers[0].dht.publish(key_of("0"), value_of("0", 1))
        peers[1].storage._held.clear()
        assert await peers[0].dht.lookup(key_of("0")) == value_of("0", 1)
        await asyncio.sleep(1)
        assert peers[1].storage.get(key_of("0")) == value_of("0", 1)

    run(main())


def test_endless_invented_neighbours_end_a_lookup_in_bounded_requests() -> None:
    async def main() -> None:
        network = DatagramNetwork(20)
        peers = await joined(network, 3)
        rng = random.Random(20)

        def invented(sender: bytes, target: bytes) -> Nodes:
            near = (target[:10] + rng.randbytes(10) for _ in range(20))
            return Nodes(
                tuple(
                    WireContact(node_id, Endpoint(f"203.0.113.{n + 1}", 9))
                    for n, node_id in enumerate(near)
                )
            )

        liar = peers[2].dht._protocol
        liar.rpc_find_node = invented  # type: ignore[method-assign]
        peers[0].tracing = True
        found = await peers[0].dht.find_node(key_of("0"))
        assert {contact.node_id for contact in found} == {peers[1].id, peers[2].id}
        asked = {message_id for _, message_id, _, _ in peers[0].sent}
        assert len(asked) <= DHT_LOOKUP_REQUESTS + 10
        assert peers[0].clock.monotonic() < 60

    run(main())


def test_a_witness_that_every_path_has_let_go_of_is_asked_all_the_same() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(22), 40)
        target = key_of("0")
        lookup = NodeLookup(peers[0].dht._protocol, target, K, ALPHA)
        witness = lookup._witnesses[0]
        rng = random.Random(22)
        for path in range(len(lookup.paths)):
            nearer = [target[:18] + rng.randbytes(2) for _ in range(2 * DHT_LOOKUP_CANDIDATES)]
            lookup.learn((WireContact(each, Endpoint("203.0.113.1", 9)) for each in nearer), path)
        assert not any(witness in candidates for candidates in (lookup.nearest, *lookup.paths))
        assert lookup._ask(witness)
        await asyncio.sleep(1)
        assert lookup._is_answered(witness)

    run(main())


def test_a_reader_keeps_what_it_read_only_if_it_is_one_of_the_nearest() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(21), 40)
        await all_published(peers[:1])
        ranked = sorted(peers[1:], key=lambda peer: distance(peer.id, key_of("0")))
        for reader in (ranked[0], ranked[-1]):
            reader.storage._held.clear()
            assert await reader.dht.lookup(key_of("0")) == value_of("0", 1)
        assert ranked[0].storage.get(key_of("0")) == value_of("0", 1)
        assert ranked[-1].storage.get(key_of("0")) is None

    run(main())
