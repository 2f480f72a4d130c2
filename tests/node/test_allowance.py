from __future__ import annotations

from meshdht.node.allowance import Allowance


def test_a_burst_is_allowed_and_then_no_more_than_the_rate() -> None:
    allowance = Allowance(2.0, 3.0, 10.0)
    assert [allowance.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert not allowance.take(10.4)
    assert allowance.take(10.6)
    assert not allowance.take(10.6)


def test_no_more_than_a_burst_is_saved_up() -> None:
    allowance = Allowance(2.0, 3.0, 0.0)
    assert [allowance.take(1000.0) for _ in range(4)] == [True, True, True, False]
