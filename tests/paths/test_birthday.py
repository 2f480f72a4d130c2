"""Many sockets against many tries: paced, capped, shared, and as likely to meet as it is told."""

from __future__ import annotations

from meshdht.clock import SeededEntropy
from meshdht.limits import (
    BIRTHDAY_ENTRIES_EASY,
    BIRTHDAY_ENTRIES_HARD,
    BIRTHDAY_PEER_PER_S,
    BIRTHDAY_PER_S,
    BIRTHDAY_REMEMBERED,
    BIRTHDAY_SOCKETS,
    BIRTHDAY_TRIES,
    BIRTHDAY_WINDOW_S,
)
from meshdht.paths.birthday import (
    ATTEMPT_S,
    FAILED_PAUSE_S,
    FIRST_PORT,
    LAST_PORT,
    LATE_S,
    NEAR,
    SHORT_PAUSE_S,
    Attempts,
    PortLot,
    Volley,
)

HOST = "203.0.113.9"
TICK_S = 0.02


def ports_of(lot: PortLot, count: int) -> list[int]:
    drawn = [lot.draw() for _ in range(count)]
    assert {each.host for each in drawn} == {HOST}
    return [each.port for each in drawn]


def fired(volley: Volley[str], begins: float, ends: float) -> list[tuple[float, str, int]]:
    """What is due, to one who asks every TICK_S."""
    steps = range(int((ends - begins) / TICK_S))
    times = (begins + step * TICK_S for step in steps)
    return [(now, *each) for now in times for each in volley.due(now)]


def test_to_one_peer_so_many_a_second_and_no_more_than_it_may_have() -> None:
    volley: Volley[str] = Volley(BIRTHDAY_ENTRIES_EASY)
    volley.begin("one", 0.0, BIRTHDAY_TRIES)
    due = fired(volley, 0.0, ATTEMPT_S)
    assert [number for _, _, number in due] == list(range(BIRTHDAY_TRIES))
    for at, _, number in due:
        assert number <= at * BIRTHDAY_PEER_PER_S
    assert due[-1][0] < BIRTHDAY_TRIES / BIRTHDAY_PEER_PER_S + 2 * TICK_S
    assert not volley.is_over("one", ATTEMPT_S - TICK_S)
    assert volley.is_over("one", ATTEMPT_S)
    assert volley.end("one")
    assert not volley.end("one")
    assert not volley


def test_several_have_the_same_each_and_all_together_no_more_than_is_allowed() -> None:
    volley: Volley[str] = Volley(BIRTHDAY_ENTRIES_HARD)
    peers = [f"peer {number}" for number in range(9)]
    for peer in peers[:6]:
        volley.begin(peer, 0.0, BIRTHDAY_SOCKETS)
    due = fired(volley, 0.0, 0.4)
    for peer in peers[6:]:
        volley.begin(peer, 0.4, BIRTHDAY_SOCKETS)
    due += fired(volley, 0.4, 5.0)
    for number, (at, _, _) in enumerate(due):
        assert number <= (at + LATE_S) * BIRTHDAY_PER_S
    assert len(due) == BIRTHDAY_ENTRIES_HARD
    counts = [sum(whom == peer for _, whom, _ in due) for peer in peers]
    assert max(counts) - min(counts) <= 1
    assert not volley.end(peers[0])
    # What these were told expires in the NAT, and there is room for as many again.
    assert volley.left(5.0) == 0
    assert not volley.due(BIRTHDAY_WINDOW_S - 0.5)
    assert volley.left(BIRTHDAY_WINDOW_S + 5.0) == BIRTHDAY_ENTRIES_HARD


def test_who_is_done_leaves_the_rest_to_the_others() -> None:
    volley: Volley[str] = Volley(BIRTHDAY_ENTRIES_HARD)
    for peer in ("one", "other", *(f"peer {number}" for number in range(6))):
        volley.begin(peer, 0.0, BIRTHDAY_SOCKETS)
    due = fired(volley, 0.0, 0.5)
    for number in range(6):
        volley.end(f"peer {number}")
    due += fired(volley, 0.5, 5.0)
    for peer in ("one", "other"):
        assert sum(whom == peer for _, whom, _ in due) == BIRTHDAY_SOCKETS
        assert volley.end(peer)


def test_one_that_was_late_does_not_make_up_for_it_all_at_once() -> None:
    volley: Volley[str] = Volley(BIRTHDAY_ENTRIES_EASY)
    volley.begin("one", 0.0, BIRTHDAY_TRIES)
    assert len(volley.due(5.0)) <= LATE_S * BIRTHDAY_PER_S


def test_no_port_is_tried_twice_and_all_are_such_as_nats_give() -> None:
    ports = ports_of(PortLot(SeededEntropy(1), HOST, []), BIRTHDAY_TRIES)
    assert len(set(ports)) == BIRTHDAY_TRIES
    assert all(FIRST_PORT <= port <= LAST_PORT for port in ports)


def test_the_ports_after_those_that_were_seen_come_first() -> None:
    ports = ports_of(PortLot(SeededEntropy(1), HOST, [7000, 5000, LAST_PORT]), BIRTHDAY_TRIES)
    assert ports[:4] == [5001, 7001, 5002, 7002]
    assert set(range(5001, 5001 + NEAR)) < set(ports[: 2 * NEAR])
    assert len(set(ports)) == BIRTHDAY_TRIES


def test_they_meet_as_often_as_is_told() -> None:
    """Half after 174 tries, 98 % after 1,024; drawn 400 times."""
    met = {174: 0, 1024: 0}
    for seed in range(400):
        entropy = SeededEntropy(seed + 10_000)
        count = LAST_PORT - FIRST_PORT + 1
        open_ports = {FIRST_PORT + int(entropy.uniform(0, count - 1e-9)) for _ in range(256)}
        ports = ports_of(PortLot(SeededEntropy(seed), HOST, []), 1024)
        for tries in met:
            met[tries] += not open_ports.isdisjoint(ports[:tries])
    assert 0.42 < met[174] / 400 < 0.58
    assert met[1024] / 400 > 0.95


def test_a_pair_that_failed_is_tried_a_second_time_soon_and_then_left_alone_for_long() -> None:
    attempts, now = Attempts(), 0.0
    assert attempts.may_begin("device", now)
    for pause in (SHORT_PAUSE_S, FAILED_PAUSE_S, FAILED_PAUSE_S):
        attempts.in_vain("device", now, complete=True)
        assert not attempts.may_begin("device", now + pause - 1)
        now += pause
        assert attempts.may_begin("device", now)
    # One that was not tried to the end is no failure, nor does it make up for one.
    attempts.in_vain("device", now, complete=False)
    assert attempts.may_begin("device", now + SHORT_PAUSE_S)
    attempts.in_vain("device", now, complete=True)
    assert not attempts.may_begin("device", now + FAILED_PAUSE_S - 1)
    attempts.met("device")
    assert attempts.may_begin("device", now)
    attempts.in_vain("device", now, complete=True)
    assert attempts.may_begin("device", now + SHORT_PAUSE_S)


def test_of_those_that_failed_so_many_are_remembered() -> None:
    attempts = Attempts()
    for number in range(2 * BIRTHDAY_REMEMBERED):
        attempts.in_vain(number, 0.0, complete=True)
    assert len(attempts._not_before) == BIRTHDAY_REMEMBERED
    assert not attempts.may_begin(2 * BIRTHDAY_REMEMBERED - 1, 0.0)
    attempts.forget()
    assert attempts.may_begin(2 * BIRTHDAY_REMEMBERED - 1, 0.0)
