"""Adversaries see what reaches them, write it down, and answer as their kind does."""

from __future__ import annotations

import asyncio

from meshdht.dht.messages import FindNode, Nodes, Ping, Pong, StoreValue, Value, WireContact
from meshdht.endpoint import Endpoint
from simulations.adversary import (
    ContactLiar,
    Dropper,
    Flooder,
    Insider,
    StaleHolder,
    Stranger,
    grind,
)
from simulations.loop import run
from simulations.measure import locator_of
from simulations.world import World, world

AT = Endpoint("198.51.100.66", 41820)


def insider(one: World, kind: type[Insider] = Insider) -> Insider:
    packet_key = one.ledger.identities[0].generation.secret.packet_key
    return kind(one.network, AT, packet_key, 1)


async def small(one: World) -> World:
    one.install(3)
    await one.start_all(spread_s=0.5)
    await asyncio.sleep(10)
    return one


def known(one: World) -> set[bytes]:
    """Ids in the tables of those that run."""
    return {contact.node_id for host in one.living() for contact in host.dht.contacts()}


def test_an_insider_that_is_no_member_enters_no_table() -> None:
    async def main() -> None:
        async with world(1) as one:
            await small(one)
            observer = insider(one)
            await observer.enter(one.hosts[0].endpoint)
            await asyncio.sleep(5)
            assert len(observer.contacts) == 3
            assert observer.id not in known(one)
            assert observer.log == []

    run(main())


def test_an_insider_with_a_members_key_enters_the_tables_and_logs_what_it_is_asked() -> None:
    async def main() -> None:
        async with world(1) as one:
            await small(one)
            await one.hosts[2].crash()
            identity = one.ledger.identities[2]
            packet_key = identity.generation.secret.packet_key
            observer = Insider(one.network, AT, packet_key, 1, signing=identity.signing)
            await observer.enter(one.hosts[0].endpoint)
            await asyncio.sleep(60)
            assert observer.id in known(one)
            author = one.hosts[1]
            assert await author.dht.publish(*await record(author)) > 0
            key = (await record(author))[0]
            store = next(seen for seen in observer.log[::-1] if seen.kind == "StoreValue")
            assert (store.source, store.key) == (author.endpoint, key)
            assert 0 < store.at <= asyncio.get_running_loop().time()
            assert key in observer.held

    async def record(author: object) -> tuple[bytes, bytes]:
        from simulations.host import Host

        assert isinstance(author, Host)
        key = locator_of(author, author.clock.unix())
        return key, author.dht._storage[key]

    run(main())


def test_a_stranger_hears_nothing_back_from_what_it_replays() -> None:
    async def main() -> None:
        async with world(2) as one:
            await small(one)
            stranger = Stranger(one.network, AT)
            one.network.taps.append(stranger.tap)
            await asyncio.sleep(300)
            one.network.taps.clear()
            assert len(stranger.recorded) > 10
            for datagram, _, to in stranger.recorded:
                stranger.send(datagram, to)
            await asyncio.sleep(2)
            assert stranger.log == []

    run(main())


def test_a_spoofed_source_is_what_the_receiver_sees() -> None:
    async def main() -> None:
        async with world(3) as one:
            stranger, victim = Stranger(one.network, AT), Endpoint("192.0.2.9", 9)
            other = Stranger(one.network, victim)
            stranger.send(b"x", victim, spoofed=Endpoint("192.0.2.1", 1))
            await asyncio.sleep(1)
            assert [seen.source for seen in other.log] == [Endpoint("192.0.2.1", 1)]

    run(main())


def test_each_kind_answers_in_its_own_way() -> None:
    async def main() -> None:
        async with world(4) as one:
            one.found()
            key = bytes(20)
            dropper = insider(one, Dropper)
            dropper.answer(StoreValue(key, b"v"))
            assert dropper.held == {}
            stale = insider(one, StaleHolder)
            stale.answer(StoreValue(key, b"old"))
            stale.answer(StoreValue(key, b"new"))
            assert stale.held == {key: b"old"}
            liar = insider(one, ContactLiar)
            assert isinstance(liar, ContactLiar)
            liar.accomplices = (WireContact(bytes(20), AT),)
            assert liar.answer(FindNode(key)) == Nodes(liar.accomplices)
            assert liar.answer(Ping()) == Pong()
            assert isinstance(dropper.answer(FindNode(key)), Nodes | Value)

    run(main())


def test_a_flooder_sends_as_many_as_it_is_told() -> None:
    async def main() -> None:
        async with world(5) as one:
            await small(one)
            flooder = insider(one, Flooder)
            assert isinstance(flooder, Flooder)
            victim = one.hosts[0]
            begun = asyncio.get_running_loop().time()
            make = lambda number: (bytes([number] * 20), b"junk")  # noqa: E731
            await flooder.flood(victim.endpoint, make, per_s=100, count=50)
            assert abs(asyncio.get_running_loop().time() - begun - 0.5) < 1e-6
            await asyncio.sleep(1)
            assert victim.dht.counters["bad value"] > 0

    run(main())


def test_grinding_finds_an_id_nearer_than_honest_ones_are() -> None:
    target = bytes(range(20))
    near = [int.from_bytes(grind(seed, target, 1000), "big") for seed in range(9)]
    far = [int.from_bytes(grind(seed, target, 1), "big") for seed in range(9)]
    wanted = int.from_bytes(target, "big")
    assert max(each ^ wanted for each in near) < min(
        2**160 // 50, max(each ^ wanted for each in far)
    )
