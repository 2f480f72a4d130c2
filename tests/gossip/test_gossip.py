from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import LONGEST_PAUSE, Gossip, Neighbour, pack_statements
from meshdht.gossip.messages import MAX_PLAINTEXT_SIZE, Message, Record, Statements, encode
from meshdht.limits import MAX_GOSSIP_FANOUT, MAX_STATEMENT_PACKETS
from simulations.loop import run


def statement(number: int, size: int = 40) -> bytes:
    """A link of a chain: each number's only parent is the one before."""
    return number.to_bytes(4, "big").ljust(size, b"\0")


def number_of(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")


def hash_of(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


class Shelf:
    """Holdings made of a chain of numbers and of numbered records: the simplest log there is."""

    def __init__(self) -> None:
        self.length = 0
        self.size = 40
        self.records: dict[DeviceId, Record] = {}
        self.left: set[DeviceId] = set()

    def log_digest(self) -> bytes:
        return hash_of(self.length)

    def heads(self) -> Sequence[bytes]:
        return [hash_of(self.length)] if self.length else []

    def knows(self, statement_hash: bytes) -> bool:
        return any(hash_of(number) == statement_hash for number in range(1, self.length + 1))

    def statements_beyond(self, heads: Iterable[bytes]) -> Sequence[bytes]:
        known = [n for n in range(1, self.length + 1) if hash_of(n) in set(heads)]
        start = max(known, default=0)
        return [statement(number, self.size) for number in range(start + 1, self.length + 1)]

    def take_statements(self, statements: Sequence[bytes]) -> tuple[Sequence[bytes], bool]:
        new = []
        for each in statements:
            if number_of(each) == self.length + 1:
                self.length += 1
                new.append(each)
        return new, any(number_of(each) > self.length for each in statements)

    def sequences(self) -> Sequence[tuple[DeviceId, int]]:
        return [(device, record.epoch) for device, record in sorted(self.records.items())]

    def is_member(self, device: DeviceId) -> bool:
        return device not in self.left

    def is_followed(self, device: DeviceId, by: DeviceId | None = None) -> bool:
        return True

    def record(self, device: DeviceId) -> Record | None:
        return self.records.get(device)

    def take_record(self, record: Record) -> bool:
        held = self.records.get(record.device)
        if held is not None and held.epoch >= record.epoch:
            return False
        self.records[record.device] = record
        return True


class Party:
    """Devices that all hear each other, but for those that are cut off."""

    def __init__(self, count: int) -> None:
        self.ends = [Endpoint("192.0.2.1", 1 + number) for number in range(count)]
        self.ids = [DeviceId(number.to_bytes(20, "big")) for number in range(count)]
        self.shelves = [Shelf() for _ in range(count)]
        self.queue: deque[tuple[int, Endpoint, Message]] = deque()
        self.cut: set[int] = set()
        self.sent = 0
        self.sizes: list[int] = []
        self.gossips = [self._gossip(number) for number in range(count)]

    def _gossip(self, number: int) -> Gossip:
        def neighbours() -> list[Neighbour]:
            everyone = zip(self.ids, self.ends, strict=True)
            return [
                Neighbour(device, end)
                for other, (device, end) in enumerate(everyone)
                if other != number
            ]

        def send(message: Message, to: Endpoint) -> None:
            self.sent += 1
            self.queue.append((number, to, message))

        return Gossip(self.shelves[number], neighbours, send, SeededEntropy(number))

    def settle(self) -> None:
        """Deliver all, and have everybody announce what it heard of, until nothing is left."""
        for gossip in self.gossips:
            gossip.announce()
        while self.queue:
            while self.queue:
                sender, to, message = self.queue.popleft()
                receiver = self.ends.index(to)
                if not self.cut & {sender, receiver}:
                    self.sizes.append(len(encode(message)))
                    self.gossips[receiver].handle(self.ids[sender], self.ends[sender], message)
            for gossip in self.gossips:
                gossip.announce()


def a_record(party: Party, number: int, version: int) -> Record:
    return Record(party.ids[number], version, bytes(800))


def test_a_new_statement_reaches_everyone_and_then_the_talk_ends() -> None:
    party = Party(10)
    party.shelves[3].length = 1
    party.gossips[3].push_statements([statement(1)])
    party.settle()
    assert [shelf.length for shelf in party.shelves] == [1] * 10
    assert party.sent <= 10 * 10


def test_a_new_record_reaches_more_devices_than_one_push_tells() -> None:
    party = Party(5 * MAX_GOSSIP_FANOUT)
    record = a_record(party, 0, 7)
    party.shelves[0].records[party.ids[0]] = record
    party.gossips[0].push_own(record)
    party.settle()
    holders = [shelf for shelf in party.shelves if shelf.record(party.ids[0]) == record]
    assert len(holders) >= 0.95 * len(party.shelves)


def test_a_record_is_sent_once_to_each_device_that_its_own_reaches() -> None:
    party = Party(20)
    record = a_record(party, 0, 7)
    party.shelves[0].records[party.ids[0]] = record
    party.gossips[0].push_own(record)
    party.settle()
    assert all(shelf.record(party.ids[0]) == record for shelf in party.shelves)
    assert sum(size >= 800 for size in party.sizes) == 19


def test_a_device_that_its_own_does_not_reach_hears_of_a_record_from_others() -> None:
    party = Party(10)
    record = a_record(party, 0, 7)
    party.shelves[0].records[party.ids[0]] = record
    for neighbour in range(1, 9):
        party.gossips[neighbour].handle(party.ids[0], party.ends[0], record)
    party.settle()
    assert party.shelves[9].record(party.ids[0]) == record


def test_a_mesh_where_nothing_differs_reconciles_ever_more_rarely_until_something_does() -> None:
    party = Party(2)
    sent: list[int] = []
    for _ in range(24 * 60):
        before = party.sent
        party.gossips[0].reconcile()
        party.settle()
        sent.append(party.sent - before)
    assert sum(sent[:64]) > 2 * 5
    assert sum(sent[-12 * 60 :]) <= 2 * 12 * 60 // LONGEST_PAUSE + 2
    party.shelves[1].length = 3
    for _ in range(LONGEST_PAUSE):
        if party.shelves[0].length == 0:
            party.gossips[0].reconcile()
            party.settle()
    assert party.shelves[0].length == 3
    before = party.sent
    for _ in range(2):
        party.gossips[0].reconcile()
    assert party.sent > before, "soon again, not after an hour"


def test_a_neighbour_that_has_just_connected_makes_us_reconcile_often_again() -> None:
    party = Party(2)
    for _ in range(24 * 60):
        party.gossips[0].reconcile()
        party.settle()
    party.gossips[0].reconcile_with(party.ends[1])
    party.settle()
    before = party.sent
    party.gossips[0].reconcile()
    party.settle()
    assert party.sent == before + 2


def test_an_old_record_is_not_passed_on() -> None:
    party = Party(3)
    for shelf in party.shelves:
        shelf.records[party.ids[0]] = a_record(party, 0, 7)
    party.gossips[1].handle(party.ids[2], party.ends[2], a_record(party, 0, 6))
    assert not party.queue
    assert party.shelves[1].records[party.ids[0]].epoch == 7


def test_what_was_missed_is_reconciled_both_ways() -> None:
    party = Party(2)
    party.shelves[0].length = 5
    party.shelves[0].records[party.ids[0]] = a_record(party, 0, 2)
    party.shelves[1].length = 3
    party.shelves[1].records[party.ids[1]] = a_record(party, 1, 9)
    party.gossips[1].reconcile_with(party.ends[0])
    party.settle()
    assert [shelf.length for shelf in party.shelves] == [5, 5]
    assert party.shelves[0].sequences() == party.shelves[1].sequences()


def test_equal_holdings_cost_a_question_and_an_answer() -> None:
    party = Party(2)
    for shelf in party.shelves:
        shelf.length = 4
    party.gossips[0].reconcile_with(party.ends[1])
    party.settle()
    assert party.sent == 2


def test_a_long_log_arrives_in_bounded_bursts() -> None:
    party = Party(2)
    party.shelves[0].size = 400
    party.shelves[0].length = 10 * 2 * MAX_STATEMENT_PACKETS
    party.gossips[1].fetch(party.ends[0])
    sender, to, message = party.queue.popleft()
    party.gossips[0].handle(party.ids[sender], party.ends[sender], message)
    assert to == party.ends[0]
    assert len(party.queue) == MAX_STATEMENT_PACKETS + 1
    party.settle()
    assert party.shelves[1].length == party.shelves[0].length


def test_statements_whose_parents_are_missing_make_us_ask_for_them() -> None:
    party = Party(2)
    party.shelves[0].length = 5
    party.gossips[1].handle(party.ids[0], party.ends[0], Statements((statement(5),)))
    party.settle()
    assert party.shelves[1].length == 5


def test_packed_statements_keep_their_order_and_fit() -> None:
    statements = [statement(number, 40 + 37 * (number % 20)) for number in range(1, 200)]
    packets = list(pack_statements(statements))
    assert [each for packet in packets for each in packet.statements] == statements
    assert all(len(encode(packet)) <= MAX_PLAINTEXT_SIZE for packet in packets)


async def left_when(party: Party, deliver: Callable[[int], bool]) -> bool:
    """Whether device 0 hears that somebody knows that it left; ``deliver`` says whom packets
    reach, by the number of the sender."""
    for shelf in party.shelves[1:]:
        shelf.left.add(party.ids[0])

    async def carry() -> None:
        while True:
            await asyncio.sleep(0.05)
            party.queue = deque(each for each in party.queue if deliver(each[0]))
            party.settle()

    async with asyncio.TaskGroup() as tasks:
        carrier = tasks.create_task(carry())
        told = await party.gossips[0].hand_over(hash_of(1), statement(1))
        carrier.cancel()
    return told


def test_who_leaves_hears_from_those_that_know() -> None:
    party = Party(4)
    assert run(left_when(party, lambda sender: True))
    assert [shelf.length for shelf in party.shelves] == [0, 1, 1, 1]
    assert party.sent <= 3 * 4


def test_who_leaves_says_so_again_when_it_was_not_heard() -> None:
    party = Party(2)
    sent: list[int] = []

    def deliver(sender: int) -> bool:
        sent.append(sender)
        return len(sent) > 3

    assert run(left_when(party, deliver))
    assert party.shelves[1].length == 1


def test_who_leaves_and_is_not_answered_knows_that() -> None:
    assert not run(left_when(Party(2), lambda sender: sender != 0))


def test_a_statement_of_a_member_that_stays_is_not_answered() -> None:
    party = Party(2)
    party.shelves[0].length = 1
    party.gossips[0].push_statements([statement(1)])
    party.settle()
    assert party.sent == 1
