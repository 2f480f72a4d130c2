"""A pair has what a second gives at once, then its rate, and of a train what fits."""

from __future__ import annotations

from meshdht.net.relay_rate import Policer, RelayRate

CAR = 1400


def test_without_a_rate_all_passes() -> None:
    policer = Policer(RelayRate(), 0.0)
    assert [policer.take(64_000, CAR, 0.0) for _ in range(100)] == [64_000] * 100


def test_what_a_second_gives_passes_at_once_and_then_what_the_rate_earns() -> None:
    policer = Policer(RelayRate(8), 0.0)
    passed = sum(policer.take(10 * CAR, CAR, 0.0) for _ in range(200))
    assert 1_000_000 - CAR < passed <= 1_000_000
    assert policer.take(CAR, CAR, 0.0) == 0
    later = sum(policer.take(CAR, CAR, 10 + step / 1000) for step in range(2000))
    assert 2_000_000 < later < 3_000_000 + CAR


def test_of_a_train_whole_datagrams_pass() -> None:
    policer = Policer(RelayRate(1), 0.0)
    while policer.take(CAR, CAR, 0.0):
        pass
    assert policer.take(10 * CAR, CAR, 3 * CAR / 125_000) in (3 * CAR, 4 * CAR)
