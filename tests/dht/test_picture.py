"""What a node's DHT looks like from inside."""

from __future__ import annotations

import asyncio

from meshdht.dht.picture import SearchKind
from meshdht.limits import DHT_SEARCHES_REMEMBERED
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import joined, key_of, value_of


def test_it_has_the_buckets_and_the_contacts_the_nearest_first() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(21), 12)
        seen = peers[3].dht.picture()
        known = peers[3].known()
        assert (seen.k, seen.network_size) == (20, len(known))
        assert sum(each.contacts for each in seen.buckets) == len(seen.contacts) == len(known)
        assert [each.is_own for each in seen.buckets].count(True) == 1
        shared = [each.shared_bits for each in seen.contacts]
        assert shared == sorted(shared, reverse=True)
        assert {each.node_id for each in seen.contacts} == known
        assert all(each.seen is not None and each.seen <= seen.now for each in seen.contacts)

    run(main())


def test_look_ups_are_remembered_with_what_they_took_and_found() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(22), 6)
        await peers[0].dht.publish(key_of("0"), value_of("0", 1))
        await peers[1].dht.lookup(key_of("0"))
        await peers[1].dht.lookup(key_of("5"))
        published = peers[0].dht.picture().searches[0]
        assert (published.kind, published.key, published.found) == (
            SearchKind.PUBLISH,
            key_of("0"),
            True,
        )
        missed, found = peers[1].dht.picture().searches[:2]
        assert (missed.kind, missed.found) == (SearchKind.VALUE, False)
        assert (found.key, found.found) == (key_of("0"), True)
        for each in (published, missed, found):
            assert each.asked > 0
            assert each.answered > 0
            assert 0 < each.took_s < 5
        assert peers[1].dht.picture().values[0].key == key_of("0")

    run(main())


def test_no_more_of_them_are_remembered_than_there_is_room_for() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(23), 2)
        for _ in range(DHT_SEARCHES_REMEMBERED + 5):
            await peers[0].dht.find_node(peers[1].id)
        searches = peers[0].dht.picture().searches
        assert len(searches) == DHT_SEARCHES_REMEMBERED
        assert searches[0].began > searches[-1].began
        assert {each.kind for each in searches} == {SearchKind.NODES}
        await asyncio.sleep(0)

    run(main())
