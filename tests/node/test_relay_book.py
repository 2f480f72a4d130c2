"""A relay lends ports to two that bind the same token, and to nobody else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    RELAY_ALLOCATIONS,
    RELAY_BINDS_BURST,
    RELAY_SIDES_PER_ADDRESS,
    RELAY_WAITING_PER_ADDRESS,
)
from meshdht.node.relay_book import LIFETIME_S, UNJOINED_S, WAIT_S, Answer, RelayBook
from meshdht.wire.relay import Bind, Outcome, Wish

OWN = Endpoint("203.0.113.2", 41820)
A, B, C = (Endpoint(f"198.51.100.{n}", 5000) for n in (1, 2, 3))
ALICE, BOB, EVE = (DeviceId(bytes([each]) * 20) for each in b"abe")
TOKEN, OTHER = bytes(16), bytes([1]) * 16
PORT = 42000


class Ports:
    """Counts up, and remembers who is joined."""

    def __init__(self) -> None:
        self._next = itertools.count(PORT)
        self.joined: dict[int, tuple[Endpoint, Endpoint]] = {}
        self.opened: set[int] = set()
        self.exhausted = False

    def open(self) -> int | None:
        if self.exhausted:
            return None
        port = next(self._next)
        self.opened.add(port)
        return port

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None:
        assert port in self.opened
        assert one != other
        self.joined[port] = (one, other)

    def part(self, port: int) -> None:
        self.joined.pop(port, None)

    def close(self, port: int) -> None:
        self.opened.remove(port)
        self.joined.pop(port, None)

    def send(self, port: int, datagram: bytes, to: Endpoint) -> None: ...


class Relay:
    """A book, its ports and the time."""

    def __init__(self) -> None:
        self.ports = Ports()
        self.offered = True
        self.now = 0.0
        self.book = RelayBook(self.ports, lambda: self.offered, lambda source: source == OWN)

    def bind(
        self,
        who: DeviceId,
        source: Endpoint,
        token: bytes = TOKEN,
        wish: Wish = Wish.BIND,
    ) -> list[Answer]:
        return self.book.bind(source, who, b"message!", Bind(token, wish), self.now)

    def bind_at(
        self, who: DeviceId, source: Endpoint, port: int = PORT, token: bytes = TOKEN
    ) -> list[Answer]:
        return self.book.bind_at(port, source, who, b"message!", Bind(token), self.now)

    def join(self) -> None:
        self.bind(ALICE, A)
        self.bind(BOB, B)
        self.bind_at(ALICE, A)
        self.bind_at(BOB, B)
        assert self.ports.joined == {PORT: (B, A)}


def outcomes(answers: list[Answer]) -> list[tuple[Endpoint, Outcome]]:
    return [(each.to, each.reply.outcome) for each in answers]


def test_two_that_bind_the_same_token_are_joined_and_both_are_told() -> None:
    relay = Relay()
    (answer,) = relay.bind(ALICE, A)
    assert (answer.port, answer.to, answer.reply.outcome) == (None, A, Outcome.GO_TO_PORT)
    assert answer.reply.port == PORT
    assert outcomes(relay.bind(BOB, B)) == [(B, Outcome.GO_TO_PORT)]
    assert relay.ports.opened == {PORT}
    (answer,) = relay.bind_at(ALICE, A)
    assert (answer.port, answer.reply.outcome) == (PORT, Outcome.BOUND)
    assert not relay.ports.joined
    answers = relay.bind_at(BOB, B)
    assert outcomes(answers) == [(B, Outcome.JOINED), (A, Outcome.JOINED)]
    assert {each.port for each in answers} == {PORT}
    assert relay.book.joined == 1


def test_where_a_side_is_at_the_port_counts_not_where_it_asked_from() -> None:
    relay = Relay()
    relay.bind(ALICE, A)
    relay.bind(BOB, B)
    mapped = [Endpoint(each.host, 6000) for each in (A, B)]
    relay.bind_at(ALICE, mapped[0])
    relay.bind_at(BOB, mapped[1])
    assert relay.ports.joined == {PORT: (mapped[1], mapped[0])}


def test_a_side_that_moves_is_followed() -> None:
    relay = Relay()
    relay.join()
    assert outcomes(relay.bind_at(ALICE, C)) == [(C, Outcome.JOINED), (B, Outcome.JOINED)]
    assert relay.ports.joined == {PORT: (C, B)}


def test_a_side_that_was_started_again_binds_at_the_port_anew_from_where_it_was() -> None:
    relay = Relay()
    relay.join()
    relay.now += UNJOINED_S + 1
    assert outcomes(relay.bind(ALICE, A, wish=Wish.BEGIN)) == [(A, Outcome.GO_TO_PORT)]
    # What it says at the port comes up to the book again.
    assert not relay.ports.joined
    assert relay.book.tick(relay.now + 1) == []
    assert outcomes(relay.bind_at(ALICE, A)) == [(A, Outcome.JOINED), (B, Outcome.JOINED)]
    assert relay.ports.joined == {PORT: (A, B)}


def test_a_third_side_is_refused() -> None:
    relay = Relay()
    relay.join()
    assert outcomes(relay.bind(EVE, C)) == [(C, Outcome.TAKEN)]
    assert relay.bind_at(EVE, C) == []
    assert relay.ports.joined == {PORT: (B, A)}
    assert relay.book.counters["taken"] == 1
    assert relay.book.counters["not its port"] == 1


def test_who_has_another_token_is_not_let_in_at_the_port() -> None:
    relay = Relay()
    relay.join()
    relay.bind(EVE, C, OTHER)
    assert relay.bind_at(EVE, C) == []
    assert relay.bind_at(ALICE, C, token=OTHER) == []
    assert relay.ports.joined == {PORT: (B, A)}


def test_nobody_is_joined_with_itself() -> None:
    relay = Relay()
    relay.bind(ALICE, A)
    assert outcomes(relay.bind(BOB, A)) == [(A, Outcome.ONESELF)]
    relay.bind(BOB, B)
    relay.bind_at(ALICE, A)
    assert outcomes(relay.bind_at(BOB, A)) == [(A, Outcome.ONESELF)]
    assert not relay.ports.joined


def test_a_relay_is_not_joined_with_itself() -> None:
    relay = Relay()
    assert relay.bind(ALICE, OWN) == []
    relay.bind(ALICE, A)
    assert relay.bind_at(ALICE, OWN) == []
    assert relay.book.counters["own address"] == 2


def test_what_is_not_offered_is_refused_but_what_was_lent_stays() -> None:
    relay = Relay()
    relay.join()
    relay.offered = False
    assert outcomes(relay.bind(ALICE, C, OTHER)) == [(C, Outcome.NOT_OFFERED)]
    assert outcomes(relay.bind(ALICE, A)) == [(A, Outcome.JOINED)]


def test_what_is_not_renewed_ends_and_what_is_goes_on() -> None:
    relay = Relay()
    relay.join()
    for _ in range(10):
        relay.now += LIFETIME_S / 2
        relay.bind(ALICE, A)
        relay.bind(BOB, B)
        assert relay.book.tick(relay.now) == []
    relay.now += LIFETIME_S / 2
    relay.bind(ALICE, A)
    relay.now += LIFETIME_S / 2 + 1
    assert outcomes(relay.book.tick(relay.now)) == [(A, Outcome.GONE), (B, Outcome.GONE)]
    assert not relay.ports.opened
    assert len(relay.book) == 0


def test_a_port_that_only_one_comes_to_is_taken_back() -> None:
    relay = Relay()
    relay.bind(ALICE, A)
    relay.bind_at(ALICE, A)
    relay.now += UNJOINED_S + 1
    relay.bind(ALICE, A)
    assert outcomes(relay.book.tick(relay.now)) == [(A, Outcome.GONE)]
    assert not relay.ports.opened


def test_who_lets_go_ends_it_and_the_other_is_told() -> None:
    relay = Relay()
    relay.join()
    assert outcomes(relay.bind(EVE, C, wish=Wish.LET_GO)) == [(C, Outcome.GONE)]
    assert relay.ports.joined
    answers = relay.bind(ALICE, A, wish=Wish.LET_GO)
    assert outcomes(answers) == [(A, Outcome.GONE), (B, Outcome.GONE)]
    assert not relay.ports.opened


def test_one_address_has_its_share_and_no_more() -> None:
    relay = Relay()
    for n in range(RELAY_SIDES_PER_ADDRESS):
        assert relay.bind(ALICE, A, n.to_bytes(16, "big"))
    assert outcomes(relay.bind(ALICE, A, b"x" * 16)) == [(A, Outcome.TOO_MANY)]
    assert outcomes(relay.bind(ALICE, B, b"x" * 16)) == [(B, Outcome.GO_TO_PORT)]
    relay.bind(ALICE, A, bytes(16), Wish.LET_GO)
    assert outcomes(relay.bind(ALICE, A, b"y" * 16)) == [(A, Outcome.GO_TO_PORT)]


def test_the_addresses_of_one_ipv6_household_have_one_share() -> None:
    relay = Relay()
    for n in range(RELAY_SIDES_PER_ADDRESS):
        relay.bind(ALICE, Endpoint(f"2001:db8:1::{n + 1:x}", 5000), n.to_bytes(16, "big"))
    (refused,) = relay.bind(ALICE, Endpoint("2001:db8:1::ffff", 5000), b"x" * 16)
    assert refused.reply.outcome is Outcome.TOO_MANY


def test_those_that_came_in_by_a_stream_have_a_share_each() -> None:
    relay = Relay()
    for n in range(RELAY_SIDES_PER_ADDRESS + 1):
        (answer,) = relay.bind(ALICE, Endpoint("127.0.0.1", 5000 + n), n.to_bytes(16, "big"))
        assert answer.reply.outcome is Outcome.GO_TO_PORT


def test_there_is_an_end_to_what_is_lent() -> None:
    relay = Relay()
    for n in range(RELAY_ALLOCATIONS):
        source = Endpoint(f"198.51.{n // 200}.{n % 200 + 1}", 5000)
        relay.bind(ALICE, source, n.to_bytes(16, "big"))
    assert len(relay.book) == RELAY_ALLOCATIONS
    assert outcomes(relay.bind(ALICE, C, b"x" * 16)) == [(C, Outcome.FULL)]


def test_where_no_port_is_free_nothing_is_lent() -> None:
    relay = Relay()
    relay.ports.exhausted = True
    assert outcomes(relay.bind(ALICE, A)) == [(A, Outcome.FULL)]
    assert len(relay.book) == 0


def test_one_that_binds_without_end_is_not_answered_any_more() -> None:
    relay = Relay()
    for _ in range(int(RELAY_BINDS_BURST)):
        assert relay.bind(ALICE, A)
    assert relay.bind(ALICE, A) == []
    assert relay.book.counters["too many"] == 1
    assert relay.bind(BOB, B)


def test_who_waits_is_called_when_the_other_side_binds() -> None:
    relay = Relay()
    assert outcomes(relay.bind(ALICE, A, wish=Wish.WAIT)) == [(A, Outcome.WAITING)]
    assert not relay.ports.opened
    answers = relay.bind(BOB, B)
    assert outcomes(answers) == [(B, Outcome.GO_TO_PORT), (A, Outcome.CALLED)]
    assert {each.port for each in answers} == {None}
    # Once; and who comes later finds that it was called already.
    assert outcomes(relay.bind(BOB, B)) == [(B, Outcome.GO_TO_PORT)]
    assert outcomes(relay.bind(ALICE, A, wish=Wish.WAIT)) == [(A, Outcome.CALLED)]


def test_who_waits_and_binds_itself_is_not_called_by_that() -> None:
    relay = Relay()
    relay.bind(ALICE, A, wish=Wish.WAIT)
    assert outcomes(relay.bind(ALICE, A)) == [(A, Outcome.GO_TO_PORT)]


def test_who_was_started_again_is_called_back_to_what_it_has_forgotten() -> None:
    relay = Relay()
    relay.join()
    assert outcomes(relay.bind(ALICE, A, wish=Wish.WAIT)) == [(A, Outcome.CALLED)]
    relay.bind(ALICE, A, wish=Wish.LET_GO)
    relay.bind(BOB, B)
    assert outcomes(relay.bind(BOB, B, wish=Wish.WAIT)) == [(B, Outcome.WAITING)]
    assert outcomes(relay.bind(ALICE, A)) == [(A, Outcome.GO_TO_PORT), (B, Outcome.CALLED)]


def test_waiting_ends_by_itself_and_has_its_share() -> None:
    relay = Relay()
    relay.bind(ALICE, A, wish=Wish.WAIT)
    relay.now += WAIT_S + 1
    relay.book.tick(relay.now)
    assert outcomes(relay.bind(BOB, B)) == [(B, Outcome.GO_TO_PORT)]
    relay.now += 1000
    relay.book.tick(relay.now)
    for n in range(RELAY_WAITING_PER_ADDRESS):
        relay.now += 0.06
        (answer,) = relay.bind(ALICE, A, n.to_bytes(16, "big"), Wish.WAIT)
        assert answer.reply.outcome is Outcome.WAITING
    relay.now += 1
    assert outcomes(relay.bind(ALICE, A, b"x" * 16, Wish.WAIT)) == [(A, Outcome.TOO_MANY)]
    assert outcomes(relay.bind(ALICE, A, bytes(16), Wish.WAIT)) == [(A, Outcome.WAITING)]
    relay.offered = False
    assert outcomes(relay.bind(ALICE, C, b"x" * 16, Wish.WAIT)) == [(C, Outcome.NOT_OFFERED)]


steps = st.tuples(
    st.sampled_from(["bind", "bind_at", "let_go", "tick"]),
    st.sampled_from([ALICE, BOB, EVE]),
    st.sampled_from([A, B, C, OWN]),
    st.sampled_from([TOKEN, OTHER]),
    st.integers(PORT, PORT + 3),
    st.sampled_from([0.0, 1.0, 30.0, 100.0]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=40))
def test_whatever_comes_only_two_that_both_bound_the_token_at_the_port_are_joined(
    said: list[tuple[str, DeviceId, Endpoint, bytes, int, float]],
) -> None:
    relay = Relay()
    bound: dict[int, set[tuple[Endpoint, DeviceId, bytes]]] = {}
    for verb, who, source, token, port, later in said:
        relay.now += later
        if verb == "bind":
            answers = relay.bind(who, source, token)
            assert len(answers) <= 1
        elif verb == "bind_at":
            if relay.bind_at(who, source, port, token):
                bound.setdefault(port, set()).add((source, who, token))
        elif verb == "let_go":
            relay.bind(who, source, token, Wish.LET_GO)
        else:
            relay.book.tick(relay.now)
        for lent, (one, other) in relay.ports.joined.items():
            ones = {(w, t) for s, w, t in bound[lent] if s == one}
            others = {(w, t) for s, w, t in bound[lent] if s == other}
            assert any(t == u and w != v for w, t in ones for v, u in others)
            assert OWN not in (one, other)
        assert len(relay.ports.opened) == len(relay.book) <= 2


@pytest.mark.parametrize("wish", list(Wish))
def test_a_port_that_is_not_lent_answers_nobody(wish: Wish) -> None:
    relay = Relay()
    assert relay.book.bind_at(PORT, A, ALICE, b"message!", Bind(TOKEN, wish), 0.0) == []
