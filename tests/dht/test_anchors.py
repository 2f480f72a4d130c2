"""Anchors are passed over by what members tell each other, and hear only what is meant for them."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.dht.dht import Dht
from meshdht.dht.messages import FindNode, FindValue, StoreValue, decode_request
from meshdht.dht.proof import split_request
from meshdht.errors import Malformed
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import Peer, joined, key_of, value_of

KEY, VALUE = key_of("0"), value_of("0", 7)


async def with_anchors(members: int, anchors: int) -> tuple[list[Peer], list[Peer]]:
    peers = await joined(DatagramNetwork(1), members + anchors)
    outside = {peer.id for peer in peers[members:]}
    for peer in peers[:members]:
        peer.dht._protocol.is_anchor = outside.__contains__
    await asyncio.sleep(5)
    return peers[:members], peers[members:]


def asked_about(sender: Peer, to: Peer, key: bytes) -> list[type]:
    """What a peer said to another about a key."""
    requests = [
        decode_request(split_request(body, sender.id)[0])
        for kind, _, body, endpoint in sender.sent
        if kind is MessageKind.DHT_REQUEST and endpoint == to.endpoint
    ]
    about = [(FindNode(key), FindNode), (FindValue(key, 0), FindValue)]
    named = [kind for request, kind in about if request in requests]
    return named + [type(each) for each in requests if isinstance(each, StoreValue)]


def test_a_publication_and_a_look_up_name_their_key_to_members_alone() -> None:
    async def main() -> None:
        members, (anchor,) = await with_anchors(4, 1)
        for member in members:
            member.tracing = True
        assert await members[0].dht.publish(KEY, VALUE) >= 2
        assert await members[1].dht.lookup(KEY) == VALUE
        assert anchor.storage.get(KEY) is None
        assert all(asked_about(member, anchor, KEY) == [] for member in members)

    run(main())


def test_what_is_handed_in_is_held_by_every_anchor_and_found_by_who_asks_them() -> None:
    async def main() -> None:
        (one, two), anchors = await with_anchors(2, 2)
        assert sorted(one.dht.anchors.ids()) == sorted(anchor.id for anchor in anchors)
        assert await one.dht.anchors.hand_in(KEY, VALUE) == 2
        assert [anchor.storage.get(KEY) for anchor in anchors] == [VALUE, VALUE]
        assert two.storage.get(KEY) is None
        assert await two.dht.anchors.ask(KEY) == VALUE
        assert await two.dht.anchors.ask(key_of("1")) is None

    run(main())


def test_what_an_anchor_holds_already_is_not_sent_again() -> None:
    async def main() -> None:
        (one, two), (anchor,) = await with_anchors(2, 1)
        await one.dht.anchors.hand_in(KEY, value_of("0", 9))
        two.tracing = True
        assert await two.dht.anchors.hand_in(KEY, VALUE) == 1
        assert asked_about(two, anchor, KEY) == []
        assert anchor.storage.get(KEY) == value_of("0", 9)

    run(main())


def test_an_anchor_that_is_dead_or_lies_is_no_holder() -> None:
    async def main() -> None:
        (one, _), (dead, liar) = await with_anchors(2, 2)
        dead.die()
        assert await one.dht.anchors.hand_in(KEY, VALUE) == 1
        liar.storage._held.clear()
        liar.storage.offer(KEY, value_of("1", 99), 99, source="own")
        assert await one.dht.anchors.ask(KEY) is None
        assert one.dht.counters["bad value"] == 1

    run(main())


def test_a_value_that_does_not_verify_is_not_handed_in() -> None:
    async def main(dht: Dht) -> None:
        with pytest.raises(Malformed):
            await dht.anchors.hand_in(KEY, value_of("1", 1))

    async def alone() -> None:
        await main(Peer(DatagramNetwork(1), 0).dht)

    run(alone())
