"""What a device takes from others: nothing that is not genuine, of its time, and newer."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from meshdht.crypto.keys import DeviceId
from meshdht.gossip.messages import Record
from meshdht.membership.invites import write_invite
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import Statement
from meshdht.node.holdings import NodeHoldings
from meshdht.records.endpoint import EndpointRecord
from simulations.loop import VirtualClock, run
from tests.membership.household import invite_key
from tests.support.mesh import Machine, mesh


class Taker:
    """Holdings that have the log of a member, and note what they pass on."""

    def __init__(self, member: Machine, *, skew: float = 0.0) -> None:
        self.records: list[EndpointRecord] = []
        self.statements: list[Statement] = []
        log = MembershipLog(member.store.identity.network)
        for statement in member.node.holdings.log:
            log.add(statement.raw)
        self.holdings = NodeHoldings(
            member.store.identity,
            log,
            VirtualClock(skew),
            self.statements.extend,
            self.records.append,
        )


def record_of(member: Machine, device: DeviceId) -> Record:
    record = member.node.holdings.record(device)
    assert record is not None
    return record


def test_a_members_record_is_taken_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            taker = Taker(first)
            record = record_of(first, second.id)
            assert taker.holdings.take_record(record)
            assert not taker.holdings.take_record(record)
            assert [each.device for each in taker.records] == [second.id]
            assert taker.holdings.record(second.id) == record
            assert dict(taker.holdings.sequences()) == {second.id: taker.records[0].sequence}

    run(main())


def test_an_altered_record_is_refused_whichever_bit_it_is() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            taker = Taker(first)
            record = record_of(first, second.id)
            chance = random.Random(5)
            for _ in range(300):
                at = chance.randrange(len(record.envelope) * 8)
                flipped = bytearray(record.envelope)
                flipped[at // 8] ^= 1 << at % 8
                assert not taker.holdings.take_record(replace(record, envelope=bytes(flipped)))
            assert not taker.holdings.take_record(replace(record, envelope=b""))
            assert not taker.holdings.take_record(replace(record, epoch=record.epoch + 1))
            assert not taker.holdings.take_record(replace(record, device=first.id))
            assert not taker.holdings.take_record(replace(record, device=DeviceId(bytes(20))))
            assert taker.records == []

    run(main())


def test_a_record_past_its_time_is_refused() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            record = record_of(first, second.id)
            assert not Taker(first, skew=20 * 3600).holdings.take_record(record)
            assert not Taker(first, skew=-20 * 3600).holdings.take_record(record)
            assert Taker(first, skew=3600).holdings.take_record(record)

    run(main())


def test_a_record_older_than_the_mark_on_disk_is_refused() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            record = record_of(first, second.id)
            sequence = dict(first.node.holdings.sequences())[second.id]
            newer, same = Taker(first), Taker(first)
            newer.holdings.cache.restore_mark(second.id, sequence + 1)
            same.holdings.cache.restore_mark(second.id, sequence)
            assert not newer.holdings.take_record(record)
            assert same.holdings.take_record(record)

    run(main())


def test_the_mark_of_each_record_goes_to_disk() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            assert first.store.marks == {second.id: second.store.sequence}

    run(main())


def test_statements_are_taken_in_any_order_and_passed_on_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(4)
            await asyncio.sleep(1)
            member = machines[0]
            raws = [each.raw for each in member.node.holdings.log]
            log = MembershipLog(member.store.identity.network)
            log.add(raws[0])
            taken: list[Statement] = []
            holdings = NodeHoldings(
                member.store.identity, log, VirtualClock(), taken.extend, lambda record: None
            )
            new, incomplete = holdings.take_statements(raws[:1:-1])
            assert incomplete
            assert new == []
            new, incomplete = holdings.take_statements(raws)
            assert not incomplete
            assert sorted(new) == sorted(raws[1:])
            assert sorted(each.raw for each in taken) == sorted(raws[1:])
            assert holdings.take_statements(raws) == ([], False)
            assert holdings.roster == member.node.roster
            assert holdings.log_digest() == member.node.holdings.log_digest()

    run(main())


def test_a_record_that_is_held_somewhere_is_taken_up_if_it_is_genuine() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            taker, record = Taker(first), record_of(first, second.id)
            key = taker.holdings.locator(second.id, record.epoch)
            taker.holdings.recall(second.id, lambda _: None)
            taker.holdings.recall(second.id, {key: record.envelope[:-1] + b"x"}.get)
            assert taker.records == []
            taker.holdings.recall(second.id, {key: record.envelope}.get)
            assert [each.device for each in taker.records] == [second.id]

    run(main())


def test_junk_among_statements_does_not_keep_the_good_ones_out() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            taker = Taker(first)
            own = second.node.own
            assert own is not None
            good = write_invite(
                taker.holdings.log,
                own,
                second.node.identity.signing,
                key=invite_key(1).invite_public,
                expires=1,
                unix_ms=1,
            )
            altered = good.raw[:-1] + bytes([good.raw[-1] ^ 1])
            new, _ = taker.holdings.take_statements([b"", altered, b"\xff" * 900, good.raw])
            assert new == [good.raw]

    run(main())


def test_a_device_without_a_record_has_none_to_give() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            taker = Taker(first)
            assert taker.holdings.record(second.id) is None
            assert taker.holdings.record(DeviceId(bytes(20))) is None
            assert taker.holdings.sequences() == []

    run(main())
