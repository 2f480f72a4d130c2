"""Many sockets against many tries: paced, capped, and as likely to meet as it is told."""

from __future__ import annotations

from meshdht.clock import SeededEntropy
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    BIRTHDAY_REMEMBERED,
    BIRTHDAY_SOCKETS,
    BIRTHDAY_TRIES,
    BIRTHDAY_TRIES_PER_S,
)
from meshdht.paths.birthday import (
    ATTEMPT_S,
    FAILED_PAUSE_S,
    FIRST_PORT,
    LAST_PORT,
    NEAR,
    SHORT_PAUSE_S,
    SOCKETS_PER_S,
    Attempts,
    ManySockets,
    ManyTries,
)

HOST = "203.0.113.9"


def tries_of(seen: list[int] | None = None, most: int = BIRTHDAY_TRIES, seed: int = 1) -> ManyTries:
    return ManyTries(SeededEntropy(seed), HOST, seen or [], 0.0, most)


def until_the_end(tries: ManyTries) -> list[tuple[float, Endpoint]]:
    """All tries with their times, by one that sleeps until each deadline."""
    made, now = [], 0.0
    while not tries.is_over(now):
        made += [(now, endpoint) for endpoint in tries.due(now)]
        assert tries.deadline() > now - 1e-9
        now = max(now + 1e-6, tries.deadline())
    return made


def test_sockets_are_opened_one_after_the_other_and_no_more_than_there_may_be() -> None:
    sockets, now, opened = ManySockets(0.0), 0.0, 0
    while not sockets.is_over(now):
        opened += sockets.due(now)
        assert opened <= 2 + now * SOCKETS_PER_S
        now = max(now + 1e-6, sockets.deadline())
    assert opened == BIRTHDAY_SOCKETS
    assert now >= ATTEMPT_S
    # One that slept too long makes up for it, once.
    late = ManySockets(0.0)
    assert late.due(5.0) == BIRTHDAY_SOCKETS
    assert late.due(6.0) == 0


def test_tries_are_paced_capped_and_never_at_one_port_twice() -> None:
    made = until_the_end(tries_of())
    assert len(made) == len({endpoint for _, endpoint in made}) == BIRTHDAY_TRIES
    assert all(endpoint.host == HOST for _, endpoint in made)
    assert all(FIRST_PORT <= endpoint.port <= LAST_PORT for _, endpoint in made)
    for number, (at, _) in enumerate(made):
        assert number <= 1 + at * BIRTHDAY_TRIES_PER_S
    assert made[-1][0] < ATTEMPT_S
    assert len(until_the_end(tries_of(most=100))) == 100
    assert len(until_the_end(tries_of(most=10**6))) == BIRTHDAY_TRIES


def test_the_ports_after_those_that_were_seen_come_first() -> None:
    ports = [endpoint.port for _, endpoint in until_the_end(tries_of([5000, 7000, LAST_PORT]))]
    assert ports[:4] == [5001, 7001, 5002, 7002]
    assert set(range(5001, 5001 + NEAR)) < set(ports[: 2 * NEAR])
    assert len(ports) == BIRTHDAY_TRIES


def test_they_meet_as_often_as_is_told() -> None:
    """Half after 174 tries, 98 % after 1,024; drawn 400 times."""
    met = {174: 0, 1024: 0}
    for seed in range(400):
        entropy = SeededEntropy(seed + 10_000)
        count = LAST_PORT - FIRST_PORT + 1
        open_ports = {FIRST_PORT + int(entropy.uniform(0, count - 1e-9)) for _ in range(256)}
        ports = [endpoint.port for endpoint in tries_of(seed=seed).due(ATTEMPT_S)]
        for tries in met:
            met[tries] += not open_ports.isdisjoint(ports[:tries])
    assert 0.42 < met[174] / 400 < 0.58
    assert met[1024] / 400 > 0.95


def test_a_pair_that_failed_is_left_alone_for_long() -> None:
    attempts = Attempts()
    assert attempts.may_begin("device", 0.0)
    attempts.ended("device", 0.0, failed=True)
    attempts.ended("other", 0.0, failed=False)
    assert attempts.may_begin("other", SHORT_PAUSE_S)
    assert not attempts.may_begin("other", SHORT_PAUSE_S - 1)
    assert not attempts.may_begin("device", FAILED_PAUSE_S - 1)
    assert attempts.may_begin("device", FAILED_PAUSE_S)
    for number in range(2 * BIRTHDAY_REMEMBERED):
        attempts.ended(number, 0.0, failed=True)
    assert len(attempts._not_before) == BIRTHDAY_REMEMBERED
    attempts.forget()
    assert attempts.may_begin(2 * BIRTHDAY_REMEMBERED - 1, 0.0)
