"""A binding asks, goes to the port, holds it, and knows when it is over."""

from __future__ import annotations

import itertools

import pytest

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.paths.relay import ASK_S, PROOFS_MAX, RENEW_S, RETRY_S, UNJOINED_S, Binding, Phase
from meshdht.wire.relay import BindReply, Outcome, Wish

MAIN = Endpoint("203.0.113.2", 41820)
PORT = Endpoint("203.0.113.2", 41900)
TOKEN = bytes(16)


class Side:
    """A binding, and the time."""

    def __init__(self, rtt_s: float | None = None) -> None:
        self.now = 100.0
        self.room = True
        self.binding = Binding(
            DeviceId(bytes(20)),
            MAIN,
            7,
            TOKEN,
            DeviceId(b"s" * 20),
            lambda port: MAIN._replace(port=port) if self.room else None,
            self.now,
            rtt_s,
        )
        self._ids = itertools.count()
        self.last = b""

    def poll(self) -> Endpoint | None:
        message_id = next(self._ids).to_bytes(8, "big")
        to = self.binding.poll(self.now, message_id)
        if to is not None:
            self.last = message_id
        return to

    def hears(self, source: Endpoint, outcome: Outcome, port: int = PORT.port) -> bool:
        reply = BindReply(TOKEN, outcome, port, 90)
        return self.binding.handle(source, self.last, reply, self.now)

    def join(self) -> None:
        self.poll()
        self.hears(MAIN, Outcome.GO_TO_PORT)
        self.poll()
        self.hears(PORT, Outcome.JOINED)


def test_it_asks_at_the_main_port_and_binds_at_the_lent_one() -> None:
    side = Side()
    assert side.poll() == MAIN
    assert side.hears(MAIN, Outcome.GO_TO_PORT)
    assert side.poll() == PORT
    assert side.hears(PORT, Outcome.PROVE)
    assert side.poll() == PORT
    assert side.hears(PORT, Outcome.BOUND)
    assert side.binding.phase is Phase.HELD
    assert not side.binding.is_joined
    assert side.hears(PORT, Outcome.JOINED)
    assert side.binding.is_joined
    assert side.binding.there == PORT


def test_it_begins_at_the_main_port_and_only_binds_from_then_on() -> None:
    side = Side()
    wishes = [side.binding.wish]
    side.join()
    wishes.append(side.binding.wish)
    side.binding.restart(side.now)
    wishes.append(side.binding.wish)
    assert wishes == [Wish.BEGIN, Wish.BIND, Wish.BEGIN]


def test_it_is_renewed_at_the_main_port_before_its_time_is_over() -> None:
    side = Side()
    side.join()
    assert side.poll() is None
    assert side.binding.deadline() == side.now + RENEW_S
    side.now += RENEW_S
    assert side.poll() == MAIN
    assert side.hears(MAIN, Outcome.JOINED)
    assert side.binding.lasts_until == side.now + 90
    assert side.poll() is None


def test_a_relay_that_does_not_answer_is_given_up_as_silent() -> None:
    side = Side()
    for _ in RETRY_S:
        assert side.poll() == MAIN
        side.now = side.binding.deadline()
    assert side.poll() is None
    assert side.binding.is_over
    assert side.binding.is_shunnable


def test_a_near_relay_is_asked_again_sooner_and_one_far_off_not_before_it_can_answer() -> None:
    near, far, unknown = Side(0.02), Side(0.5), Side()
    for side in (near, far, unknown):
        assert side.poll() == MAIN
    assert near.binding.deadline() - near.now == pytest.approx(0.06)
    assert far.binding.deadline() == unknown.binding.deadline()
    # It is given as many tries as any other.
    for _ in RETRY_S[1:]:
        near.now = near.binding.deadline()
        assert near.poll() == MAIN
    assert near.now - 100 > 1


def test_a_relay_by_which_nothing_comes_any_more_is_known_to_be_off_within_four_seconds() -> None:
    side = Side()
    side.join()
    side.binding.watch(side.now, works=False)
    side.binding.watch(side.now, works=True)
    assert side.poll() is None
    side.now += 5
    begun = side.now
    while not side.binding.is_over:
        side.binding.watch(side.now, works=False)
        side.poll()
        side.now = max(side.now, side.binding.deadline())
    assert side.now - begun < 4


def test_that_the_other_side_has_come_is_asked_for_since_the_word_of_it_may_get_lost() -> None:
    side = Side()
    side.poll()
    side.hears(MAIN, Outcome.GO_TO_PORT)
    side.poll()
    side.hears(PORT, Outcome.BOUND)
    for pause in ASK_S:
        assert side.poll() is None
        side.now += pause
        assert side.poll() == MAIN
        assert side.hears(MAIN, Outcome.BOUND)
    assert not side.binding.is_joined
    side.now += ASK_S[-1]
    side.poll()
    side.hears(MAIN, Outcome.JOINED)
    assert side.binding.is_joined
    side.now += RENEW_S - 1
    assert side.poll() is None


def test_a_relay_whose_answer_from_the_port_was_lost_says_at_the_main_port_that_it_is_bound() -> (
    None
):
    side = Side()
    side.poll()
    side.hears(MAIN, Outcome.GO_TO_PORT)
    asked = []
    for _ in range(3):
        asked.append(side.poll())
        side.now = side.binding.deadline()
    assert asked == [PORT, PORT, MAIN]
    assert side.hears(MAIN, Outcome.JOINED)
    assert side.binding.phase is Phase.HELD
    assert side.binding.is_joined


def test_a_relay_that_had_no_bind_at_the_port_sends_there_once_more() -> None:
    side = Side()
    side.poll()
    side.hears(MAIN, Outcome.GO_TO_PORT)
    for _ in range(3):
        side.poll()
        side.now = side.binding.deadline()
    assert side.hears(MAIN, Outcome.GO_TO_PORT)
    assert side.poll() == PORT


@pytest.mark.parametrize("outcome", [each for each in Outcome if each.is_refusal])
def test_a_refusal_ends_it_and_is_remembered(outcome: Outcome) -> None:
    side = Side()
    side.poll()
    side.hears(MAIN, outcome, 0)
    assert side.binding.is_over
    assert side.binding.why is outcome
    assert side.binding.is_shunnable


def test_that_the_other_side_let_go_ends_it_and_is_not_held_against_the_relay() -> None:
    side = Side()
    side.join()
    side.hears(MAIN, Outcome.GONE, 0)
    assert side.binding.is_over
    assert not side.binding.is_shunnable


def test_a_peer_that_does_not_come_is_not_waited_for_for_ever() -> None:
    side = Side()
    side.poll()
    side.hears(MAIN, Outcome.GO_TO_PORT)
    side.poll()
    side.hears(PORT, Outcome.BOUND)
    side.now += UNJOINED_S
    assert side.poll() is None
    assert side.binding.is_over
    assert not side.binding.is_shunnable


def test_a_relay_that_lost_us_is_bound_at_again() -> None:
    side = Side()
    side.join()
    side.now += RENEW_S
    side.poll()
    side.hears(MAIN, Outcome.GO_TO_PORT, PORT.port + 1)
    assert not side.binding.is_joined
    assert side.poll() == Endpoint(MAIN.host, PORT.port + 1)


def test_what_answers_nothing_of_ours_or_comes_from_elsewhere_changes_nothing() -> None:
    side = Side()
    side.poll()
    reply = BindReply(TOKEN, Outcome.FULL)
    assert not side.binding.handle(Endpoint("203.0.113.9", 41820), side.last, reply, side.now)
    assert not side.binding.handle(MAIN, b"another!", reply, side.now)
    assert side.binding.phase is Phase.ASKING


def test_a_relay_cannot_have_us_prove_our_address_without_end() -> None:
    side = Side()
    sent = 0
    for _ in range(50):
        sent += side.poll() is not None
        side.hears(MAIN, Outcome.PROVE, 0)
    assert sent == PROOFS_MAX + 1


def test_one_that_fades_lasts_as_long_as_the_relay_granted_and_can_be_revived() -> None:
    side = Side()
    side.join()
    until = side.binding.lasts_until
    side.binding.fade()
    side.now = until - 1
    assert side.poll() is None
    assert not side.binding.is_over
    side.binding.revive(side.now)
    assert side.poll() == MAIN
    side.hears(MAIN, Outcome.JOINED)
    side.binding.fade()
    side.now = side.binding.lasts_until + 0.1
    assert side.poll() is None
    assert side.binding.is_over


def test_when_our_network_changed_it_begins_anew() -> None:
    side = Side()
    side.join()
    side.binding.restart(side.now)
    assert side.poll() == MAIN
    side.hears(MAIN, Outcome.JOINED)
    # The relay says what it knew: we are there again only once we have bound from here.
    assert side.binding.phase is Phase.GOING
    assert side.poll() == PORT


def test_a_port_that_cannot_be_reached_is_of_no_use() -> None:
    side = Side()
    side.room = False
    side.poll()
    side.hears(MAIN, Outcome.GO_TO_PORT)
    assert side.binding.is_over
    assert side.binding.is_shunnable
