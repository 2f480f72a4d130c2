from __future__ import annotations

import itertools

import pytest

from meshdht.clock import SeededEntropy
from meshdht.wireguard.constants import SPECIFICATION, Intervals
from meshdht.wireguard.timers import HASTE_S, NEVER, Expiry, Timers


@pytest.fixture
def timers() -> Timers:
    return Timers(SPECIFICATION, SeededEntropy(1))


def drain(timers: Timers, until: float) -> list[tuple[int, Expiry]]:
    """All that falls due by ``until`` if nothing else happens."""
    due: list[tuple[int, Expiry]] = []
    while timers.earliest <= until:
        at = timers.earliest
        due += [(round(at), expiry) for expiry in timers.expired(at)]
    return due


def test_nothing_is_due_at_first(timers: Timers) -> None:
    assert timers.earliest == NEVER


def test_data_that_meets_silence_asks_for_a_handshake_after_15_seconds(timers: Timers) -> None:
    timers.data_sent(0.0)
    timers.data_sent(9.0)
    assert drain(timers, 100.0) == [(15, Expiry.HANDSHAKE)]


@pytest.mark.parametrize("heard", ["data_received", "empty_received"])
def test_anything_heard_ends_the_doubt(timers: Timers, heard: str) -> None:
    timers.data_sent(0.0)
    getattr(timers, heard)(14.0)
    assert Expiry.HANDSHAKE not in [expiry for _, expiry in drain(timers, 100.0)]


def test_data_heard_is_acknowledged_by_a_keepalive_after_10_seconds(timers: Timers) -> None:
    timers.data_received(0.0)
    assert drain(timers, 100.0) == [(10, Expiry.KEEPALIVE)]


def test_data_heard_meanwhile_gets_another_keepalive(timers: Timers) -> None:
    timers.data_received(0.0)
    timers.data_received(5.0)
    assert drain(timers, 100.0) == [(10, Expiry.KEEPALIVE), (20, Expiry.KEEPALIVE)]


def test_data_sent_makes_the_keepalive_needless(timers: Timers) -> None:
    timers.data_received(0.0)
    timers.data_sent(5.0)
    timers.empty_received(6.0)
    assert drain(timers, 100.0) == []


def test_a_persistent_keepalive_begins_at_once_and_moves_with_traffic(timers: Timers) -> None:
    timers.set_persistent(25, 0.0)
    assert timers.expired(0.0) == [Expiry.KEEPALIVE]
    timers.empty_received(20.0)
    assert timers.expired(25.0) == []
    assert timers.earliest == 45.0
    timers.set_persistent(0, 30.0)
    assert timers.expired(45.0) == []
    assert timers.earliest == NEVER


def repeated(timers: Timers) -> list[tuple[float, Expiry]]:
    """What falls due after an initiation that nobody answers, to the end of the row."""
    timers.initiation_sent(0.0)
    due: list[tuple[float, Expiry]] = []
    while not due or due[-1][1] is Expiry.RETRANSMIT:
        at = timers.earliest
        due += [(at, expiry) for expiry in timers.expired(at)]
        if due[-1][1] is Expiry.RETRANSMIT:
            timers.initiation_sent(at)
    return due


def gaps(due: list[tuple[float, Expiry]]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise([0.0, *(at for at, _ in due)])]


def test_an_initiation_is_repeated_soon_then_until_rekey_attempt_time_is_over(
    timers: Timers,
) -> None:
    due = repeated(timers)
    for pause, gap in zip(HASTE_S, gaps(due), strict=False):
        assert pause <= gap <= 1.34 * pause
    assert all(5.0 <= gap <= 5.34 for gap in gaps(due)[len(HASTE_S) :])
    assert due[-1][1] is Expiry.GIVE_UP
    assert 90.0 <= due[-1][0] <= 95.34
    assert drain(timers, 1000.0) == [(round(due[-1][0]) + 540, Expiry.ERASE)]


@pytest.mark.parametrize("what", ["handshake_done", "moved"])
def test_what_begins_anew_is_repeated_soon_again(timers: Timers, what: str) -> None:
    for at in range(len(HASTE_S) + 1):
        timers.initiation_sent(6.0 * at)
    assert timers.pause_s == 5.0
    getattr(timers, what)()
    timers.initiation_sent(80.0)
    assert timers.pause_s == HASTE_S[0]


def test_no_repetition_is_slower_than_rekey_timeout() -> None:
    timers = Timers(Intervals(rekey_timeout=0.3), SeededEntropy(1))
    assert all(gap <= 0.3 + 0.34 for gap in gaps(repeated(timers))[:10])


def test_a_handshake_done_ends_the_repetition(timers: Timers) -> None:
    timers.initiation_sent(0.0)
    timers.handshake_done()
    assert drain(timers, 100.0) == []


def test_keys_are_erased_nine_minutes_after_the_last_session(timers: Timers) -> None:
    timers.session_made(0.0)
    timers.session_made(100.0)
    assert drain(timers, 1000.0) == [(640, Expiry.ERASE)]


def test_earliest_never_lies_behind_a_deadline(timers: Timers) -> None:
    timers.session_made(0.0)
    timers.data_received(1.0)
    assert timers.earliest == 11.0
    timers.data_sent(2.0)
    assert timers.earliest == 11.0
    assert timers.expired(11.0) == []
    assert 17.0 <= timers.earliest <= 17.34
