"""Nodes that know only liars around a key, and a few honest ones elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.dht.dht import K
from meshdht.dht.lookup import NodeLookup
from meshdht.dht.table import RemoteNode
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import Peer, distance, joined, key_of, lying, value_of

HONEST = 40
AUTHOR = "0"
KEY = key_of(AUTHOR)


def by_distance(peers: Iterable[Peer]) -> list[Peer]:
    """The nearest to the key first."""
    return sorted(peers, key=lambda peer: distance(peer.id, KEY))


def near_key(network: DatagramNetwork, count: int) -> list[Peer]:
    """Peers whose ids are nearer to the key than almost all others are."""

    def id_of(number: int) -> bytes:
        return SigningKey.generate(SeededEntropy(number)).public.device_id.raw

    numbers = sorted(range(1000, 2000), key=lambda number: distance(id_of(number), KEY))
    return [Peer(network, number) for number in numbers[:count]]


def beset(network: DatagramNetwork, honest: list[Peer]) -> Peer:
    """A newcomer that knows 25 liars around the key, and of the honest the four farthest away."""
    liars = near_key(network, 25)
    lying(liars)
    newcomer = Peer(network, 900)
    for each in [*liars, *by_distance(honest)[-4:]]:
        newcomer.dht._protocol.router.add_contact(RemoteNode(each.id, each.endpoint, 0.0))
    return newcomer


@pytest.fixture(params=[False, True])
def is_hidden(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether nobody elsewhere is asked, so that the liars succeed."""
    if request.param:
        monkeypatch.setattr(NodeLookup, "_begin_elsewhere", lambda *_: None)
    return bool(request.param)


def test_a_value_that_liars_hide_is_found_by_contacts_elsewhere(is_hidden: bool) -> None:
    async def main() -> None:
        network = DatagramNetwork(51)
        honest = await joined(network, HONEST)
        await honest[0].dht.publish(KEY, value_of(AUTHOR, 1))
        reader = beset(network, honest)
        expected = None if is_hidden else value_of(AUTHOR, 1)
        assert await reader.dht.lookup(KEY) == expected

    run(main())


def test_a_value_is_published_past_liars_by_contacts_elsewhere(is_hidden: bool) -> None:
    async def main() -> None:
        network = DatagramNetwork(52)
        honest = await joined(network, HONEST)
        author = beset(network, honest)
        await author.dht.publish(KEY, value_of(AUTHOR, 1))
        nearest = by_distance(honest)[:5]
        held = sum(peer.dht.held(KEY) is not None for peer in nearest)
        assert held == 0 if is_hidden else held >= 3

    run(main())


def test_a_bucket_of_liars_is_looked_into_by_contacts_elsewhere(is_hidden: bool) -> None:
    async def main() -> None:
        network = DatagramNetwork(53)
        honest = await joined(network, HONEST)
        newcomer = beset(network, honest)
        await newcomer.dht._explore(KEY)
        nearest = by_distance(honest)[:3]
        met = {peer.id for peer in nearest} & newcomer.known()
        assert len(met) == (0 if is_hidden else len(nearest))

    run(main())


def test_a_contact_elsewhere_is_no_holder_and_one_that_is_dead_delays_nobody() -> None:
    async def main() -> None:
        network = DatagramNetwork(54)
        honest = await joined(network, 2 * HONEST)
        for peer in honest[1::3]:
            peer.die()
        author = honest[0]
        took = author.clock.monotonic()
        await author.dht.publish(KEY, value_of(AUTHOR, 1))
        assert author.clock.monotonic() - took < 2
        holders = {peer.id for peer in honest if peer.dht.held(KEY) is not None} - {author.id}
        nearest = [peer.id for peer in by_distance(honest)]
        assert K <= len(holders) <= 3 * K // 2
        assert holders <= set(nearest[: 3 * K])

    run(main())
