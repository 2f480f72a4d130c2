"""What the tunnel's own counters say about a path, and what they do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshdht.paths.candidate import PathKind
from meshdht.paths.silence import (
    EMPTY_SIZE,
    HUSHED_S,
    PATIENCE_MAX_S,
    PATIENCE_S,
    STEADY_S,
    Silence,
    Verdict,
    shortest_patience_s,
)

READ_S = 0.1
DIRECT_S = PATIENCE_S[PathKind.DIRECT]


def doubts(
    seconds: float,
    sent: Callable[[float], int],
    heard: Callable[[float], int],
    patience_s: float = DIRECT_S,
    verdict: Verdict = Verdict.DOUBT,
) -> list[float]:
    """When a path was doubted, of which so many bytes had been sent and heard at each instant."""
    silence = Silence(heard(0.0), sent(0.0))
    instants = [READ_S * step for step in range(1, round(seconds / READ_S) + 1)]
    read = {now: silence.read(heard(now), sent(now), now, patience_s) for now in instants}
    return [now for now in instants if read[now] is verdict]


def flow(now: float) -> int:
    return int(now * 100_000)


def nothing(now: float) -> int:
    return 0


def test_a_conversation_is_never_doubted() -> None:
    assert doubts(60, flow, flow) == []
    # Request and answer, now in one reading, now in two.
    assert doubts(60, lambda now: 200 * int(now * 2), lambda now: 900 * int(now * 2 - 0.3)) == []


def test_a_flow_that_is_answered_no_more_is_doubted_before_tcp_tries_a_third_time() -> None:
    [first, *_] = doubts(9, flow, lambda now: flow(min(now, 5.0)))
    assert DIRECT_S <= first - 5.0 < 1.0


def test_a_relayed_flow_is_doubted_sooner_and_a_slow_one_not_before_an_answer_is_due() -> None:
    assert shortest_patience_s(PathKind.RELAY, 0.02) < shortest_patience_s(PathKind.DIRECT, 0.02)
    assert shortest_patience_s(PathKind.RELAY, 0.6) > 0.6


def test_a_one_way_flow_is_doubted_ever_more_rarely() -> None:
    # Its receiver says that it hears it, every ten seconds.
    found = doubts(600, flow, lambda now: EMPTY_SIZE * int(now / 10))
    assert found[0] < 1.0
    late = [now for now in found if now > 60]
    assert 540 / 10 <= len(late) <= 540 / PATIENCE_MAX_S


def test_a_flow_that_was_doubted_in_vain_is_doubted_soon_once_it_is_a_conversation() -> None:
    def heard(now: float) -> int:
        return nothing(now) if now < 100 else flow(min(now, 200.0))

    found = [now for now in doubts(210, flow, heard) if now > 100]
    assert found[0] < 201.0


@pytest.mark.parametrize("size", [EMPTY_SIZE, 1000])
def test_what_wants_no_answer_is_no_reason_to_doubt(size: int) -> None:
    # A keepalive each ten seconds; and a last packet, an acknowledgement say, after an exchange.
    once = 10 if size == EMPTY_SIZE else 10_000
    assert doubts(60, lambda now: size * int(now / once + 0.99), nothing) == []


def test_who_sends_nothing_is_not_doubted() -> None:
    assert doubts(60, nothing, flow) == []
    assert doubts(60, nothing, nothing) == []


def test_a_stream_that_came_steadily_and_stops_has_hushed_once() -> None:
    [at] = doubts(60, nothing, lambda now: flow(min(now, 10.0)), verdict=Verdict.HUSHED)
    assert HUSHED_S <= at - 10.0 < HUSHED_S + 0.3


def test_what_came_for_a_moment_or_with_pauses_has_not_hushed() -> None:
    def brief(now: float) -> int:
        return flow(min(now, STEADY_S / 2))

    assert doubts(60, nothing, brief, verdict=Verdict.HUSHED) == []
    assert doubts(60, nothing, lambda now: 100 * int(now / 0.9), verdict=Verdict.HUSHED) == []
