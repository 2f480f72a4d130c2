from __future__ import annotations

import asyncio
import random
import statistics

from meshdht.dht.dht import Contact
from meshdht.dht.messages import StoreValue, decode_request
from meshdht.errors import Malformed
from meshdht.wire.packet import MessageKind
from tests.dht.support import Peer, all_published, joined, key_of, value_of
from tests.support.virtual_time import UNIX_START, DatagramNetwork, run


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


def test_in_a_small_network_everybody_holds_everything() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(1), 5)
        for number, peer in enumerate(peers):
            assert len(peer.known()) == 4
            author = str(number)
            assert await peer.dht.publish(key_of(author), value_of(author, 1)) == 4
        for peer in peers:
            assert len(peer.storage) == 5
            for number in range(5):
                assert await peer.dht.lookup(key_of(str(number))) == value_of(str(number), 1)
            assert await peer.dht.lookup(key_of("nobody")) is None

    run(main())


def test_a_lookup_in_a_small_network_is_one_step() -> None:
    async def main() -> None:
        network = DatagramNetwork(1, latency=(0.05, 0.05))
        peers = await joined(network, 5)
        await all_published(peers)
        newcomer = Peer(network, 99)
        await newcomer.dht.bootstrap([peers[0].endpoint])
        began = newcomer.clock.monotonic()
        assert await newcomer.dht.lookup(key_of("3")) == value_of("3", 1)
        assert newcomer.clock.monotonic() - began < 0.11

    run(main())


def test_a_device_alone_has_its_own_values() -> None:
    async def main() -> None:
        peer = Peer(DatagramNetwork(1), 0)
        assert await peer.dht.bootstrap([]) == 0
        assert await peer.dht.publish(key_of("0"), value_of("0", 1)) == 0
        assert await peer.dht.lookup(key_of("0")) == value_of("0", 1)
        assert await peer.dht.lookup(key_of("1")) is None

    run(main())


def test_a_hundred_nodes_find_every_value_also_with_half_of_them_dead() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(2), 100)
        await all_published(peers)
        await timed_lookups(peers, authors=100, count=100)
        random.Random(4).shuffle(peers)
        for peer in peers[:50]:
            peer.die()
        times = await timed_lookups(peers[50:], authors=100, count=100)
        assert statistics.median(times) < 0.6
        assert max(times) < 2

    run(main())


def test_three_hundred_nodes_find_every_value() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(3), 300)
        await all_published(peers[:50])
        await timed_lookups(peers, authors=50, count=100)

    run(main())


def test_with_a_third_of_the_packets_lost_every_value_is_found() -> None:
    async def main() -> None:
        network = DatagramNetwork(5, loss=0.3, duplication=0.05)
        peers = await joined(network, 60)
        await all_published(peers)
        times = await timed_lookups(peers, authors=60, count=100)
        assert max(times) < 3

    run(main())


def test_a_stale_holder_is_mended_with_the_original_bytes() -> None:
    async def main() -> None:
        network = DatagramNetwork(6)
        peers = await joined(network, 8)
        await peers[0].dht.publish(key_of("0"), value_of("0", 1))
        sleeping = peers[3:5]
        for peer in sleeping:
            peer.die()
        await peers[0].dht.publish(key_of("0"), value_of("0", 2))
        for peer in sleeping:
            network.attach(peer.endpoint, peer.receive)
            assert peer.storage.get(key_of("0")) == value_of("0", 1)
            assert await peer.dht.lookup(key_of("0")) == value_of("0", 2)
            assert peer.storage.get(key_of("0")) == value_of("0", 2)
        sleeping[0].storage.load(sleeping[0].storage.saved()[0])
        peers[5].storage._held.clear()
        for _ in range(3):
            await peers[6].dht.lookup(key_of("0"))
            await asyncio.sleep(1)
        held = [peer.storage.get(key_of("0")) for peer in peers]
        assert held.count(value_of("0", 2)) >= 7

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


def test_an_old_value_never_replaces_a_newer_one() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(8), 6)
        assert await peers[0].dht.publish(key_of("0"), value_of("0", 9)) == 5
        assert await peers[1].dht.publish(key_of("0"), value_of("0", 8)) == 0
        assert peers[1].dht.counters["superseded"] == 5
        for peer in peers:
            assert peer.storage.sequence_of(key_of("0")) == 9

    run(main())


def test_a_value_that_does_not_verify_is_not_published() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(9), 3)
        try:
            await peers[0].dht.publish(key_of("1"), value_of("0", 1))
        except Malformed:
            return
        raise AssertionError("it was published")

    run(main())


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
            await asyncio.sleep(7200)
            for task in rounds:
                task.cancel()
        requests = [
            decode_request(body)
            for peer in peers
            for kind, _, body, _ in peer.sent
            if kind is MessageKind.DHT_REQUEST
        ]
        assert requests
        assert not [request for request in requests if isinstance(request, StoreValue)]
        assert len(newcomer.storage) == 0

    run(main())


def test_a_restarted_device_comes_back_by_what_it_remembers() -> None:
    async def main() -> None:
        network = DatagramNetwork(11)
        peers = await joined(network, 12)
        remembered = peers[3].dht.contacts()
        assert len(remembered) == 11
        assert all(0 <= UNIX_START + 60 - contact.last_seen <= 60 for contact in remembered)
        for peer in peers[4:9]:
            peer.die()
        again = Peer(network, 3)
        again.dht.remember(remembered)
        assert again.known() == set()
        assert await again.dht.bootstrap() >= 6
        alive = {peer.id for peer in [*peers[:3], *peers[9:]]}
        assert alive <= again.known()

    run(main())


def test_bootstrap_does_not_wait_for_the_dead_among_many() -> None:
    async def main() -> None:
        network = DatagramNetwork(12, latency=(0.02, 0.02))
        peers = await joined(network, 3)
        dead = [Peer(network, 200 + number).endpoint for number in range(30)]
        for endpoint in dead:
            network.detach(endpoint)
        newcomer = Peer(network, 99)
        began = newcomer.clock.monotonic()
        assert await newcomer.dht.bootstrap([*dead, peers[0].endpoint]) == 3
        assert newcomer.clock.monotonic() - began < 1

    run(main())


def test_bootstrap_ends_when_nobody_answers() -> None:
    async def main() -> None:
        network = DatagramNetwork(13)
        alone, gone = Peer(network, 0), Peer(network, 1)
        gone.die()
        assert await alone.dht.bootstrap([gone.endpoint]) == 0
        assert alone.clock.monotonic() < 5

    run(main())


def test_a_contact_that_died_leaves_the_table_and_comes_back() -> None:
    async def main() -> None:
        network = DatagramNetwork(14)
        peers = await joined(network, 4)
        peers[3].die()
        async with asyncio.TaskGroup() as group:
            upkeep = group.create_task(peers[0].dht.run())
            await asyncio.sleep(3600)
            assert peers[3].id not in peers[0].known()
            assert peers[3].id in {contact.node_id for contact in peers[0].dht.contacts()}
            network.attach(peers[3].endpoint, peers[3].receive)
            await asyncio.sleep(4000)
            assert peers[3].id in peers[0].known()
            upkeep.cancel()

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


def test_the_same_seed_gives_the_same_network() -> None:
    async def main() -> list[tuple[bytes, float]]:
        network = DatagramNetwork(16, loss=0.1)
        peers = await joined(network, 20, seed=3)
        await all_published(peers)
        return [(contact.node_id, contact.last_seen) for contact in peers[7].dht.contacts()]

    assert run(main()) == run(main())


def test_a_contact_is_remembered_with_its_date() -> None:
    async def main() -> None:
        network = DatagramNetwork(17)
        peer, other = Peer(network, 0), Peer(network, 1)
        contact = Contact(other.id, other.endpoint, UNIX_START - 500)
        peer.dht.remember([contact, Contact(peer.id, peer.endpoint, UNIX_START)])
        assert peer.dht.contacts() == [contact]

    run(main())


def test_closing_gives_up_what_still_waits() -> None:
    async def main() -> None:
        network = DatagramNetwork(18)
        peer, gone = Peer(network, 0), Peer(network, 1)
        gone.die()
        async with asyncio.TaskGroup() as group:
            joining = group.create_task(peer.dht.bootstrap([gone.endpoint]))
            await asyncio.sleep(0.01)
            peer.dht.close()
            assert await joining == 0
        assert peer.clock.monotonic() < 0.1

    run(main())
