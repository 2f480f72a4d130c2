"""An anchor holds what it cannot read, and the members find each other through it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from meshdht.endpoint import Endpoint
from meshdht.node.deputies import FILL_S
from meshdht.node.rhythm import RETRY_S
from meshdht.records.endpoint import CandidateKind
from meshdht.records.locator import device_locator, read_epochs
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from tests.support.anchor import Holder, link_of
from tests.support.mesh import Machine, eventually, mesh

HOTEL = Endpoint("198.18.150.1", 41820)
OFFICE = Endpoint("198.18.151.1", 41820)


def holds_record_of(anchor: Holder, member: Machine) -> bool:
    """Judged with the member's own keys, which the anchor has not."""
    identity = member.node.identity
    secret = identity.generation.secret
    locators = {
        device_locator(secret.locator_key, epoch, identity.signing.public)
        for epoch in read_epochs(secret.epoch_key, member.clock.unix())
    }
    return bool(locators & anchor.values.keys())


def test_an_anchor_gets_the_records_of_those_who_were_there_before_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(3)
            await asyncio.sleep(300)
            anchor = Holder(world, await link_of(machines[0]))
            within_s = 60 + FILL_S
            await eventually(lambda: all(holds_record_of(anchor, m) for m in machines), within_s)
            assert anchor.node.records >= 3
            assert anchor.node.contacts == 3

    run(main())


def test_a_member_that_is_alone_publishes_to_the_anchor() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(60)
            await second.stop()
            anchor.values.clear()
            await anchor.stop()
            anchor.start()
            first.move(HOTEL)
            await eventually(lambda: holds_record_of(anchor, first), 30)

    run(main())


async def move_while_apart(first: Machine, second: Machine) -> None:
    """Each is somewhere new, and knows only where the other was."""
    await asyncio.sleep(60)
    await second.stop()
    first.move(HOTEL)
    await asyncio.sleep(3600)
    await first.stop()
    first.endpoint = Endpoint("198.18.152.1", 41820)
    second.endpoint = OFFICE
    await asyncio.sleep(600)
    second.restart()
    first.restart()


def test_two_that_moved_while_apart_find_each_other_through_the_anchor_alone() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            Holder(world, await link_of(first))
            await move_while_apart(first, second)
            assert await world.connected(within_s=30) < 5

    run(main())


def test_without_an_anchor_they_do_not() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await move_while_apart(first, second)
            await asyncio.sleep(600)
            assert not first.reaches(second)
            assert not second.reaches(first)

    run(main())


def test_an_anchor_that_was_off_remembers_records_and_contacts() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(120 + FILL_S)
            held = dict(anchor.values)
            await anchor.stop()
            await first.stop()
            anchor.link = replace(anchor.link, hints=(Endpoint("198.18.250.9", 1),))
            anchor.start()
            assert anchor.node.records == len(held) > 0
            await asyncio.sleep(5)
            anchor.heard.clear()
            second.move(OFFICE)
            await eventually(lambda: bool(anchor.heard), 10)
            first.endpoint = HOTEL
            first.restart()
            assert await eventually(lambda: first.reaches(second), 30) < 5

    run(main())


def test_an_anchor_asks_at_its_hints_until_a_member_answers() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await link_of(first)
            world.internet.detach(first.endpoint)
            anchor = Holder(world, link)
            await asyncio.sleep(900)
            assert anchor.node.contacts == 0
            world.internet.attach(first.endpoint, first._receive)
            await eventually(lambda: anchor.node.contacts == 1, 400)

    run(main())


def test_behind_a_nat_a_member_learns_its_address_from_the_anchor() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            Holder(world, await link_of(first))
            await asyncio.sleep(60)
            await second.stop()
            # As behind a NAT: the machine knows only an address that others do not see.
            inside = Endpoint("192.168.1.2", 41820)
            first.node.set_local([inside], [])
            await asyncio.sleep(RETRY_S[0])
            candidates = first.node._publisher.candidates()
            assert [(each.kind, each.endpoint) for each in candidates] == [
                (CandidateKind.HOST, inside),
                (CandidateKind.REFLEXIVE, first.endpoint),
            ]

    run(main())


def test_a_full_disk_is_told_and_the_anchor_goes_on_from_memory() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            anchor = Holder(world, await link_of(first))
            anchor.failing = True
            await asyncio.sleep(100)
            assert anchor.failures
            assert holds_record_of(anchor, first)
            anchor.failing = False
            await eventually(lambda: len(anchor.contacts) == 1, 60)

    run(main())


def test_nobody_takes_an_anchor_for_a_member() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(3600)
            await second.stop()
            await asyncio.sleep(3600)
            told = {packet.kind for packet in anchor.heard}
            # The last: whether the other, who is missed, waits there.
            assert told - {MessageKind.RETRY} == {
                MessageKind.DHT_REQUEST,
                MessageKind.DHT_REPLY,
                MessageKind.ANCHOR_REPLY,
                MessageKind.RELAY_BIND,
            }
            assert first.names() == ["d0", "d1"]
            assert anchor.id not in first.node.roster
            assert anchor.endpoint not in [each.endpoint for each in first.node._peers.neighbours()]

    run(main())


def test_what_is_meant_for_members_gets_no_answer() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(60)
            sent: list[Endpoint] = []
            world.internet.tap = lambda datagram, source, to: sent.append(source)
            kinds = set(MessageKind) - {
                MessageKind.DHT_REQUEST,
                MessageKind.DHT_REPLY,
                MessageKind.RETRY,
            }
            control = first.node._control
            for kind in kinds:
                control.send(kind, control.draw_message_id(), bytes(100), anchor.endpoint)
            await asyncio.sleep(1)
            assert anchor.endpoint not in sent
            dropped = anchor.node.dropped
            refused = ("for members", "bad reply", "bad bind")
            assert sum(dropped[why] for why in refused) == len(kinds)

    run(main())
