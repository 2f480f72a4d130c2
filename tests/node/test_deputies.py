"""One of those who are connected speaks with the anchors, and who is alone speaks for itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

from meshdht.dht.messages import FindNode, FindValue, StoreValue, decode_request
from meshdht.dht.proof import split_request
from meshdht.node.deputies import ALONE_S, FILL_S
from meshdht.node.seeking import PATIENT_PAUSES_S, PAUSES_S
from meshdht.paths.pace import IDLE_SHORTEST_S
from meshdht.records.locator import device_locator, epoch_at
from meshdht.wire.packet import ControlPacket, MessageKind
from simulations.loop import run
from tests.node.test_anchor import HOTEL, holds_record_of
from tests.support.anchor import Holder, link_of
from tests.support.mesh import Machine, eventually, mesh

# Who vanishes without a word is missed when its idle path is proved next.
NOTICED_S = IDLE_SHORTEST_S + 10


def key_of(machine: Machine) -> bytes:
    """The locator of a device's record now."""
    identity = machine.node.identity
    secret = identity.generation.secret
    epoch = epoch_at(secret.epoch_key, machine.clock.unix())
    return device_locator(secret.locator_key, epoch, identity.signing.public)


def key_in(packet: ControlPacket) -> bytes:
    """What a request that an anchor heard is about."""
    if packet.kind is not MessageKind.DHT_REQUEST:
        return b""
    match decode_request(split_request(packet.body, packet.sender.raw)[0]):
        case StoreValue(key, _) | FindValue(key, _):
            return key
        case FindNode(target):
            return target
        case _:
            return b""


def test_of_those_who_are_connected_one_speaks_for_each_record() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(5)
            chosen = Counter[int]()
            for author in machines:
                for number in range(20):
                    key = bytes([number]) * 20
                    mine = [m for m in machines if m.node._deputies.is_deputy(author.id, key)]
                    assert len(mine) == 1
                    chosen[mine[0].number] += 1
            assert set(chosen) == set(range(5))

    run(main())


def test_an_anchor_hears_of_each_record_from_one_member_alone() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(5)
            anchor = Holder(world, await link_of(machines[0]))
            await asyncio.sleep(60)
            anchor.heard.clear()
            await asyncio.sleep(3600)
            by_author = []
            for author in machines:
                speakers = {each.sender for each in anchor.heard if key_in(each) == key_of(author)}
                assert len(speakers) <= 1
                by_author.append(author.id in speakers)
                assert holds_record_of(anchor, author)
            assert not all(by_author)

    run(main())


def test_a_deputy_that_no_anchor_answers_tries_again() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(2)
            deputies = [machine.node._deputies for machine in machines]
            tried = Counter[int]()

            def deaf(number: int) -> Callable[[bytes, bytes], Awaitable[int]]:
                async def hand_in(key: bytes, value: bytes) -> int:
                    tried[number] += 1
                    return 0

                return hand_in

            for number, each in enumerate(deputies):
                each._anchors = SimpleNamespace(hand_in=deaf(number), ids=lambda: [b"anchor"])
                each.note_held([machine.id for machine in machines], FILL_S)
            await asyncio.sleep(10 * FILL_S)
            assert tried.total() > 2 * 4

    run(main())


def test_who_is_alone_brings_its_own_record_at_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(60)
            await second.stop()
            await eventually(lambda: first.node._deputies.is_alone, NOTICED_S)
            anchor.node._storage._held.clear()
            anchor.values.clear()
            first.move(HOTEL)
            await eventually(lambda: holds_record_of(anchor, first), ALONE_S + 3)

    run(main())


def test_who_loses_its_last_peer_brings_its_record() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(60)
            anchor.heard.clear()
            await second.stop()
            own = key_of(first)
            await eventually(lambda: own in [key_in(each) for each in anchor.heard], NOTICED_S)

    run(main())


def test_an_anchor_that_comes_later_gets_what_is_held_in_a_while() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(4)
            await asyncio.sleep(900)
            anchor = Holder(world, await link_of(machines[0]))
            await asyncio.sleep(60 + FILL_S)
            assert all(holds_record_of(anchor, each) for each in machines)

    run(main())


def test_only_one_asks_the_anchor_for_a_missing_device_and_tells_the_others() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(60)
            await third.stop()
            await asyncio.sleep(120)
            anchor.heard.clear()
            missing = key_of(third)
            await asyncio.sleep(1.3 * PAUSES_S[-1])
            asking = {each.sender for each in anchor.heard if key_in(each) == missing}
            assert len(asking) == 1
            # It is back elsewhere, and only the anchor hears of it.
            world.internet.blocked = lambda source, to: (
                HOTEL in (source, to) and (anchor.endpoint not in (source, to))
            )
            third.endpoint = HOTEL
            third.restart()
            await asyncio.sleep(1.3 * PATIENT_PAUSES_S[-1])
            for member in (first, second):
                record = member.node.holdings.cache.record(third.id)
                assert record is not None
                assert [each.endpoint for each in record.candidates] == [HOTEL]

    run(main())
