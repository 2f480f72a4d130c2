from __future__ import annotations

import random

from meshdht.dht.dht import K
from meshdht.dht.lookup import STRANGERS
from meshdht.dht.messages import (
    FindNode,
    Nodes,
    Request,
    StoreValue,
    WireContact,
    decode_request,
)
from meshdht.dht.proof import split_request
from meshdht.endpoint import Endpoint
from meshdht.wire.packet import MessageKind
from simulations.latency import fixed
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import Peer, distance, joined, key_of, value_of


def requests(peer: Peer) -> list[tuple[Request, Endpoint]]:
    """What it asked while it was traced."""
    return [
        (decode_request(split_request(body, peer.id)[0]), to)
        for kind, _, body, to in peer.sent
        if kind is MessageKind.DHT_REQUEST
    ]


def nearest(peers: list[Peer], author: str, count: int) -> list[Peer]:
    return sorted(peers, key=lambda peer: distance(peer.id, key_of(author)))[:count]


def test_the_k_nearest_hold_it_though_few_are_asked_who_they_are() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(41), 60)
        author = peers[0]
        author.tracing = True
        assert await author.dht.publish(key_of("0"), value_of("0", 1)) >= K
        others = nearest(peers[1:], "0", K)
        assert all(peer.storage.get(key_of("0")) == value_of("0", 1) for peer in others)
        asked = [request for request, _ in requests(author)]
        assert sum(isinstance(request, StoreValue) for request in asked) >= K
        assert sum(isinstance(request, FindNode) for request in asked) < K // 2 + STRANGERS

    run(main())


def test_a_node_that_one_holder_alone_knows_of_gets_the_value_too() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(45, latency=fixed(0.02)), 60)
        author, *others = peers
        near = nearest(others, "0", K)
        hidden, teller = near[3], near[-1]
        for peer in peers:
            router = peer.dht._protocol.router
            known = router.find(hidden.id)
            if known is not None and peer is not teller:
                router.forget(known)
        assert await author.dht.publish(key_of("0"), value_of("0", 1)) >= K
        assert hidden.storage.get(key_of("0")) == value_of("0", 1)

    run(main())


def test_a_holder_that_died_is_replaced_by_the_next_nearest() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(42, latency=fixed(0.02)), 60)
        author, *others = peers
        dead = nearest(others, "0", K)[12:15]
        for peer in dead:
            peer.die()
        began = author.clock.monotonic()
        assert await author.dht.publish(key_of("0"), value_of("0", 1)) >= K
        assert author.clock.monotonic() - began < 0.4
        alive = nearest([peer for peer in others if peer not in dead], "0", K)
        assert all(peer.storage.get(key_of("0")) is not None for peer in alive)

    run(main())


def test_what_is_published_again_is_sent_to_those_that_do_not_hold_it() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(44, latency=fixed(0.02)), 60)
        author, *others = peers
        late = nearest(others, "0", K)[3:6]
        for peer in late:
            peer.die()
        assert await author.dht.publish(key_of("0"), value_of("0", 1)) >= K
        holding = {peer.endpoint for peer in others if peer.storage.get(key_of("0"))}
        for peer in late:
            author.network.attach(peer.endpoint, peer.receive)
        author.tracing = True
        assert await author.dht.publish(key_of("0"), value_of("0", 1), again=True) >= K + len(late)
        stores = {to for request, to in requests(author) if isinstance(request, StoreValue)}
        assert stores >= {peer.endpoint for peer in late}
        assert not stores & holding
        assert author.dht.held_share(key_of("0")) > 2 / 3
        author.sent.clear()
        assert await author.dht.publish(key_of("0"), value_of("0", 2), again=True) >= K
        stores = {to for request, to in requests(author) if isinstance(request, StoreValue)}
        assert len(stores & holding) >= K // 2

    run(main())


def test_no_value_is_sent_to_an_address_that_somebody_made_up() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(43), 30)
        author, liar = peers[0], nearest(peers[1:], "0", 1)[0]
        rng = random.Random(43)
        victims = [Endpoint(f"203.0.113.{n + 1}", 9) for n in range(20)]

        def lie(sender: bytes, target: bytes) -> Nodes:
            return Nodes(
                tuple(WireContact(target[:15] + rng.randbytes(5), each) for each in victims)
            )

        liar.dht._protocol.rpc_find_node = lie  # type: ignore[method-assign]
        author.tracing = True
        assert await author.dht.publish(key_of("0"), value_of("0", 1)) >= K
        asked = requests(author)
        assert any(to in victims for _, to in asked)
        assert not [
            to for request, to in asked if isinstance(request, StoreValue) and to in victims
        ]

    run(main())
