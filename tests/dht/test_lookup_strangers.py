"""Nodes that know only liars around a key, and a few honest ones elsewhere."""

from __future__ import annotations

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.dht import lookup
from meshdht.dht.dht import K
from meshdht.dht.messages import Nodes, Outcome, Stored, Value, WireContact
from meshdht.dht.table import RemoteNode
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import Peer, joined, key_of, value_of

HONEST = 40
AUTHOR = "0"
KEY = key_of(AUTHOR)


def distance(node_id: bytes) -> int:
    return int.from_bytes(node_id, "big") ^ int.from_bytes(KEY, "big")


def near_key(network: DatagramNetwork, count: int) -> list[Peer]:
    """Peers whose ids are nearer to the key than almost all others are."""

    def id_of(number: int) -> bytes:
        return SigningKey.generate(SeededEntropy(number)).public.device_id.raw

    numbers = sorted(range(1000, 2000), key=lambda number: distance(id_of(number)))
    return [Peer(network, number) for number in numbers[:count]]


def conspire(liars: list[Peer]) -> None:
    """They name nobody but each other, acknowledge every store, and hold nothing."""
    named = tuple(WireContact(liar.id, liar.endpoint) for liar in liars[:K])
    lies = {
        "rpc_find_node": lambda sender, target: Nodes(named),
        "rpc_find_value": lambda sender, key, newer_than: Value(0, b"", named),
        "rpc_store": lambda sender, source, key, value: Stored(Outcome.STORED, 1, named),
    }
    for liar in liars:
        for name, lie in lies.items():
            setattr(liar.dht._protocol, name, lie)


def beset(network: DatagramNetwork, honest: list[Peer]) -> Peer:
    """A newcomer that knows 25 liars around the key, and of the honest the four farthest away."""
    liars = near_key(network, 25)
    conspire(liars)
    newcomer = Peer(network, 900)
    far = sorted(honest, key=lambda peer: distance(peer.id))[-4:]
    for each in [*liars, *far]:
        newcomer.dht._protocol.router.add_contact(RemoteNode(each.id, each.endpoint, 0.0))
    return newcomer


def without_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup.NodeLookup, "_begin_elsewhere", lambda *_: None)


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_value_that_liars_hide_is_found_by_contacts_elsewhere(
    is_hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_hidden:
        without_strangers(monkeypatch)

    async def main() -> None:
        network = DatagramNetwork(51)
        honest = await joined(network, HONEST)
        await honest[0].dht.publish(KEY, value_of(AUTHOR, 1))
        reader = beset(network, honest)
        expected = None if is_hidden else value_of(AUTHOR, 1)
        assert await reader.dht.lookup(KEY) == expected

    run(main())


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_value_is_published_past_liars_by_contacts_elsewhere(
    is_hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_hidden:
        without_strangers(monkeypatch)

    async def main() -> None:
        network = DatagramNetwork(52)
        honest = await joined(network, HONEST)
        author = beset(network, honest)
        await author.dht.publish(KEY, value_of(AUTHOR, 1))
        nearest = sorted(honest, key=lambda peer: distance(peer.id))[:5]
        held = sum(peer.dht.held(KEY) is not None for peer in nearest)
        assert held == 0 if is_hidden else held >= 3

    run(main())


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_bucket_of_liars_is_looked_into_by_contacts_elsewhere(
    is_hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_hidden:
        without_strangers(monkeypatch)

    async def main() -> None:
        network = DatagramNetwork(53)
        honest = await joined(network, HONEST)
        newcomer = beset(network, honest)
        await newcomer.dht._explore(KEY)
        nearest = sorted(honest, key=lambda peer: distance(peer.id))[:3]
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
        nearest = sorted((peer.id for peer in honest), key=distance)
        assert K <= len(holders) <= 3 * K // 2
        assert holders <= set(nearest[: 3 * K])

    run(main())
