from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from meshdht.endpoint import Endpoint
from meshdht.gossip.doubts import ASK_TRIES
from meshdht.gossip.gossip import (
    GREATER_WAITS_S,
    LONGEST_PAUSE,
    WANT_AGAIN_S,
    Neighbour,
)
from meshdht.gossip.messages import (
    MAX_PLAINTEXT_SIZE,
    MAX_SEQUENCES,
    Message,
    Statements,
    Sync,
    Want,
    encode,
    pack_statements,
)
from meshdht.limits import MAX_GOSSIP_FANOUT, MAX_STATEMENT_PACKETS
from simulations.loop import run
from tests.gossip.party import Party, a_record, hash_of, statement


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
    assert sum(sent[:64]) > 5
    assert sum(sent[-12 * 60 :]) <= 12 * 60 // LONGEST_PAUSE + 1
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
    assert party.sent == before + 1


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


def test_equal_holdings_cost_a_question_and_no_answer() -> None:
    party = Party(2)
    for shelf in party.shelves:
        shelf.length = 4
        shelf.records[party.ids[0]] = a_record(party, 0, 2)
    party.gossips[0].reconcile_with(party.ends[1])
    party.settle()
    assert party.sent == 1


def test_two_that_have_a_record_each_exchange_them_by_a_question_and_an_answer() -> None:
    party = Party(2)
    for number, shelf in enumerate(party.shelves):
        shelf.records[party.ids[number]] = a_record(party, number, 2)
    party.gossips[0].reconcile_with(party.ends[1])
    party.settle()
    assert party.shelves[0].sequences() == party.shelves[1].sequences()
    assert party.sent == 2 + 2


def test_who_may_have_named_a_part_of_its_records_is_told_of_others_by_name() -> None:
    party = Party(MAX_SEQUENCES + 2)
    for number in range(MAX_SEQUENCES):
        for shelf in party.shelves[:2]:
            shelf.records[party.ids[number]] = a_record(party, number, 2)
    party.shelves[1].records[party.ids[-1]] = a_record(party, MAX_SEQUENCES + 1, 2)
    party.gossips[0].reconcile_with(party.ends[1])
    sender, _, message = party.queue.popleft()
    party.gossips[1].handle(party.ids[sender], party.ends[sender], message)
    [(_, _, answer)] = party.queue
    assert isinstance(answer, Sync)
    assert answer.sequences == ((party.ids[-1], 2),)


def test_a_record_that_many_offer_is_asked_of_one_and_of_another_if_it_does_not_come() -> None:
    party = Party(5)
    offer = Sync(False, hash_of(0), (), ((party.ids[4], 2),))
    for number in range(1, 4):
        party.gossips[0].handle(party.ids[number], party.ends[number], offer)
    assert [(to, message) for _, to, message in party.queue] == [
        (party.ends[1], Want((party.ids[4],)))
    ]
    party.now += WANT_AGAIN_S
    party.gossips[0].handle(party.ids[3], party.ends[3], offer)
    assert party.queue[-1][1:] == (party.ends[3], Want((party.ids[4],)))


def test_a_newer_record_is_asked_for_while_an_older_one_is_on_its_way() -> None:
    party = Party(3)
    for number in (1, 2):
        offer = Sync(False, hash_of(0), (), ((party.ids[2], number),))
        party.gossips[0].handle(party.ids[number], party.ends[number], offer)
    assert [to for _, to, _ in party.queue] == [party.ends[1], party.ends[2]]


def connect(party: Party, *, lost: int) -> list[tuple[int, Endpoint, Message]]:
    """What two say that notice at one moment that they are connected; the first ``lost`` of it
    are lost."""

    async def main() -> list[tuple[int, Endpoint, Message]]:
        said: list[tuple[int, Endpoint, Message]] = []
        for number in (1, 0):
            other = 1 - number
            party.gossips[number].connected(Neighbour(party.ids[other], party.ends[other]))
        for _ in range(10):
            await asyncio.sleep(GREATER_WAITS_S / 4)
            said += party.queue
            party.queue = deque(list(party.queue)[max(0, lost - len(said) + len(party.queue)) :])
            party.settle()
        return said

    return run(main())


def test_of_two_that_connect_the_one_with_the_smaller_id_compares() -> None:
    party = Party(2)
    said = connect(party, lost=0)
    assert [sender for sender, _, _ in said] == [0]


def test_who_waits_in_vain_for_the_other_to_compare_does_so_itself() -> None:
    party = Party(2)
    party.shelves[0].length = 3
    said = connect(party, lost=1)
    assert [sender for sender, _, _ in said] == [0, 1]
    assert party.shelves[1].length == 3


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


async def live(party: Party, seconds: float, is_lost: Callable[[int, Message], bool]) -> None:
    """Let all run for so long; ``is_lost`` says of each packet what becomes of it."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(gossip.run()) for gossip in party.gossips]
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)
            party.queue = deque(each for each in party.queue if not is_lost(each[0], each[2]))
            party.settle()
        for task in running:
            task.cancel()


def tell_one(party: Party) -> None:
    party.shelves[0].length = 1
    party.gossips[0].push_statements([statement(1)])


def test_who_told_a_statement_hears_once_that_it_came_and_asks_nobody() -> None:
    party = Party(2)
    tell_one(party)
    sent: list[tuple[int, Message]] = []

    def is_lost(sender: int, message: Message) -> bool:
        sent.append((sender, message))
        return False

    # A reconciliation is due at once, and again after 45 s.
    run(live(party, 40, is_lost))
    said = [message for sender, message in sent if sender == 1]
    assert party.shelves[1].length == 1
    assert [type(each) for _, each in sent].count(Statements) == 1
    assert [each.answer for each in said if isinstance(each, Sync) and each.log_alone] == [False]
    assert [gossip._doubts.to_ask(party.ids) for gossip in party.gossips] == [[], []]


def test_a_statement_that_is_lost_is_mended_by_a_question_a_second_later() -> None:
    party = Party(2)
    tell_one(party)
    lost: list[Message] = []

    def is_lost(sender: int, message: Message) -> bool:
        # The statement, and the reconciliations of the start.
        if len(lost) < 3:
            lost.append(message)
            return True
        return False

    run(live(party, 2.0, is_lost))
    assert isinstance(lost[0], Statements)
    assert party.shelves[1].length == 1


def test_a_neighbour_that_never_answers_is_asked_ten_times() -> None:
    party = Party(2)
    tell_one(party)
    asked: list[Message] = []

    def is_lost(sender: int, message: Message) -> bool:
        if sender == 0 and isinstance(message, Sync):
            asked.append(message)
        return True

    run(live(party, 40, is_lost))
    # And one reconciliation at the start.
    assert len(asked) == ASK_TRIES + 1


def test_those_that_tell_each_other_the_same_need_no_word() -> None:
    party = Party(3)
    tell_one(party)
    party.settle()
    doubted = [gossip._doubts.to_ask(party.ids) for gossip in party.gossips]
    assert doubted == [party.ids[1:], [], []], "and the first of them hears a word from each"
