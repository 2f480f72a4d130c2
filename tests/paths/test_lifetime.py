"""What is learned of a NAT that forgets after so many seconds."""

from __future__ import annotations

import math

import pytest

from meshdht.clock import SeededEntropy
from meshdht.endpoint import Endpoint
from meshdht.paths.lifetime import (
    DOUBTS,
    FAILURES,
    GAPS_S,
    GRACE_S,
    SETTLED_S,
    WayIn,
)

PEER, OTHER = Endpoint("203.0.113.2", 1), Endpoint("203.0.113.3", 1)
HOUR_S = 3600.0


class Side:
    """Our side of a NAT; peers agree to every trial and call in time."""

    def __init__(self, lifetime_s: float, *, own: bool = False) -> None:
        self.lifetime_s = lifetime_s
        self.way = WayIn(SeededEntropy(1))
        self.way.seen_as(own=own)
        self.now = 0.0
        self.trials = 0

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            if self.way.wanted(self.now) is not None:
                self.way.put_off(self.now)
                self.way.begin(PEER, self.now)
                self.trials += 1
            if (trial := self.way.trial) is not None:
                self.now = trial.ends + 0.05
                if trial.silence_s < self.lifetime_s:
                    self.way.probed(PEER, trial.silence_s + 0.05, self.now)
                else:
                    assert self.way.overdue(self.now) is None, "the call may be a little late"
                    self.now += GRACE_S
                    assert self.way.overdue(self.now) == PEER
            self.now += 1.0


@pytest.mark.parametrize(("lifetime_s", "gap_s"), [(30, 25), (60, 50), (120, 100), (300, 100)])
def test_the_gap_learned_is_below_what_the_nat_bears(lifetime_s: float, gap_s: float) -> None:
    side = Side(lifetime_s)
    side.run(HOUR_S)
    assert side.way.gap_s == gap_s < lifetime_s


def test_a_device_without_nat_or_firewall_needs_no_keepalives() -> None:
    side = Side(math.inf, own=True)
    side.run(HOUR_S)
    assert side.way.gap_s == math.inf


def test_a_firewall_that_forgets_after_minutes_is_not_taken_for_none() -> None:
    side = Side(300.0, own=True)
    side.run(6 * HOUR_S)
    assert side.way.gap_s == GAPS_S[2]


def test_a_nat_that_lets_everybody_in_still_needs_keepalives() -> None:
    side = Side(math.inf)
    side.run(6 * HOUR_S)
    assert side.way.gap_s == GAPS_S[2]


def test_what_proved_too_long_is_left_alone_for_a_day() -> None:
    side = Side(30.0)
    side.run(SETTLED_S)
    assert side.trials == FAILURES
    side.run(SETTLED_S)
    assert side.trials == 2 * FAILURES


def test_a_gap_that_has_become_too_long_is_left_when_peers_lose_probes() -> None:
    side = Side(120.0)
    side.run(HOUR_S)
    for _ in range(int(DOUBTS)):
        side.way.heard_of(4, side.now)
    assert side.way.gap_s == 50.0
    assert side.way.wanted(side.now + HOUR_S) is None


def test_a_link_that_loses_a_tenth_does_not_shorten_the_gap() -> None:
    side = Side(120.0)
    side.run(HOUR_S)
    for number in range(1000):
        side.way.heard_of(int(number % 10 == 0), side.now)
    assert side.way.gap_s == 100.0


def test_another_network_is_learned_anew() -> None:
    side = Side(120.0)
    side.run(HOUR_S)
    side.way.forget(side.now)
    assert side.way.gap_s == GAPS_S[0]
    assert side.way.trial is None


def test_a_trial_that_a_packet_of_ours_crossed_proves_nothing() -> None:
    way = WayIn(SeededEntropy(1))
    now = 1000.0
    for _ in range(10):
        assert way.wanted(now) is not None
        way.begin(PEER, now)
        way.probed(PEER, 10.0, now + 55.0)
        now += 3 * HOUR_S
    assert way.gap_s == GAPS_S[0]


def test_what_another_peer_sends_does_not_end_a_trial() -> None:
    way = WayIn(SeededEntropy(1))
    way.begin(PEER, 1000.0)
    way.probed(OTHER, math.inf, 1055.0)
    assert way.trial is not None


def test_a_device_that_gets_behind_a_nat_sends_keepalives_again() -> None:
    side = Side(math.inf, own=True)
    side.run(HOUR_S)
    side.way.seen_as(own=False)
    assert side.way.gap_s == GAPS_S[2]


def test_peers_that_refuse_are_asked_ever_more_rarely() -> None:
    way = WayIn(SeededEntropy(1))
    asked, now = 0, 0.0
    while now < 24 * HOUR_S:
        if way.wanted(now) is not None:
            asked += 1
            way.put_off(now)
        now += 10.0
    assert asked < 30
