from __future__ import annotations

from meshdht.paths.pace import (
    IDLE_LONGEST_S,
    IDLE_SHORTEST_S,
    NEEDED_RETRY_S,
    NEEDED_S,
    PATIENT_RETRY_S,
    RETRY_S,
    Pace,
)
from meshdht.wireguard.constants import SPECIFICATION


def test_a_device_exchanges_a_probe_a_minute_however_many_peers_it_has() -> None:
    for peers in (2, 9, 15):
        assert peers * 60.0 / Pace(peers).idle_s == 1.0


def test_no_path_goes_unproved_for_long_nor_is_proved_all_the_time() -> None:
    assert Pace(1).idle_s == IDLE_SHORTEST_S
    assert Pace(1000).idle_s == IDLE_LONGEST_S


def test_a_device_that_reaches_nobody_goes_on_trying() -> None:
    assert Pace(0).retry_s(1000) == RETRY_S[-1]
    assert Pace(1).retry_s(1000) == PATIENT_RETRY_S[-1]
    assert [Pace(0).retry_s(misses) for misses in range(len(RETRY_S))] == list(RETRY_S)


def test_a_needed_path_is_tried_often_for_a_second_and_as_rarely_as_others_then() -> None:
    needed = [Pace(1).retry_s(misses, is_needed=True) for misses in range(100)]
    first = len(NEEDED_RETRY_S)
    assert needed[:first] == list(NEEDED_RETRY_S)
    assert sum(needed[:first]) < 1.2
    assert needed[first:20] == [Pace(1).retry_s(misses) for misses in range(1, 21 - first)]


def test_steady_traffic_keeps_a_path_needed() -> None:
    rekeyed = SPECIFICATION.rekey_after_time + 2 * SPECIFICATION.rekey_timeout
    assert rekeyed < NEEDED_S
