"""When a device tries at relays for a peer, and when it calls the peer there."""

from __future__ import annotations

import itertools

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.relay_effort import (
    CALL_AGAIN_S,
    CALL_PAUSE_S,
    DIRECT_S,
    GATHER_S,
    HEARD_S,
    PAUSES_S,
    Effort,
)
from meshdht.node.vantage import Lent
from meshdht.paths.relay import Binding
from meshdht.wire.relay import BindReply, Outcome

RELAY, SIDE = DeviceId(b"r" * 20), DeviceId(b"s" * 20)
MAIN, PORT = Endpoint("203.0.113.2", 41820), Endpoint("203.0.113.2", 41900)


def bound() -> Effort:
    """One that waits at a relay's port since 100 s."""
    binding = Binding(RELAY, MAIN, 7, bytes(16), SIDE, lambda port: PORT, 100.0)
    binding.poll(100.0, b"1")
    binding.handle(MAIN, b"1", BindReply(bytes(16), Outcome.GO_TO_PORT, PORT.port, 90), 100.0)
    binding.poll(100.0, b"2")
    binding.handle(PORT, b"2", BindReply(bytes(16), Outcome.BOUND, PORT.port, 90), 100.0)
    return Effort({RELAY: binding})


def test_relays_that_turn_up_together_are_named_in_one_call() -> None:
    effort = Effort()
    effort.begin(100.0)
    effort.begin(100.001)
    assert not effort.call(100.005)
    assert effort.call(100.001 + GATHER_S)
    effort.tells(100.001 + GATHER_S)
    # One that comes a moment later has a call of its own, but not at once.
    effort.begin(100.02)
    assert not effort.call(100.02 + GATHER_S)
    assert effort.call(100.02 + CALL_PAUSE_S)


def test_a_peer_that_does_not_come_is_called_ever_more_rarely() -> None:
    effort, now = bound(), 100.0
    calls: list[float] = []
    effort.begin(now)
    while len(calls) < 4:
        now = effort.call_due
        assert effort.call(now)
        calls.append(now)
    pauses = [round(later - one, 6) for one, later in itertools.pairwise(calls)]
    assert pauses == [CALL_AGAIN_S, 2 * CALL_AGAIN_S, 4 * CALL_AGAIN_S]


def test_a_call_that_somebody_else_has_made_counts() -> None:
    effort = bound()
    effort.begin(100.0)
    effort.tells(100.0)
    assert not effort.call(100.0 + GATHER_S)
    assert effort.call(100.0 + CALL_AGAIN_S)


def test_tries_in_vain_come_ever_more_rarely() -> None:
    effort, now = Effort(), 100.0
    for pause in (*PAUSES_S, PAUSES_S[-1]):
        effort.tried.add(RELAY)
        effort.begin(now)
        assert effort.due == now + pause
        assert not effort.tried
        now = effort.due


def test_relays_fade_once_a_direct_path_has_stood_for_a_while() -> None:
    effort = bound()
    (binding,) = effort.bindings.values()
    for now, is_direct in ((101.0, True), (102.0, False), (103.0, True)):
        effort.leave(now, is_direct=is_direct)
        effort.leave(now + DIRECT_S - 1, is_direct=is_direct)
        assert binding.deadline() != binding.lasts_until
    effort.leave(103.0 + DIRECT_S, is_direct=True)
    assert binding.deadline() == binding.lasts_until


def test_a_relay_is_used_while_the_peer_is_heard_by_it() -> None:
    effort = bound()
    assert effort.waits
    assert not effort.is_used({}, 100.0)
    lent = {PORT: Lent(RELAY, heard=100.0)}
    assert effort.is_used(lent, 100.0 + HEARD_S - 1)
    assert not effort.is_used(lent, 100.0 + HEARD_S)
