"""Traffic casts doubt on a path: it is proved, or left, within a second."""

from __future__ import annotations

from meshdht.endpoint import Endpoint
from meshdht.paths.agent import DOUBT_MISSES, DOUBT_S
from meshdht.paths.pace import KEEPALIVE_S
from tests.paths.world import LAN, WAN, World

OTHER = Endpoint("203.0.113.3", 1)
DEAD_S = DOUBT_MISSES * DOUBT_S


def settled(rtt_s: dict[Endpoint, float]) -> World:
    """A world where the best path has been used for a while."""
    world = World(rtt_s)
    world.learn(*rtt_s)
    world.run_needed(60.0)
    world.sent.clear()
    return world


def test_a_doubted_path_that_answers_costs_a_probe_each_and_stays() -> None:
    world = settled({LAN: 0.001, WAN: 0.02})
    world.agent.doubt(world.now)
    world.run(KEEPALIVE_S / 2)
    assert sorted(endpoint for _, endpoint in world.sent) == sorted([LAN, WAN])
    assert world.best == LAN


def test_a_doubted_path_that_is_dead_is_left_for_one_that_answers_at_once() -> None:
    world = settled({LAN: 0.001, WAN: 0.02, OTHER: 0.03})
    del world.rtt_s[LAN], world.rtt_s[WAN]
    world.agent.doubt(world.now)
    world.run(0.35)
    assert world.best == OTHER
    assert not world.agent.is_failing


def test_a_doubted_path_without_a_standby_is_dead_within_its_time_beyond_the_round_trip() -> None:
    for rtt_s in (0.001, 0.3):
        world = settled({WAN: rtt_s})
        world.rtt_s.clear()
        world.agent.doubt(world.now)
        assert not world.agent.is_failing
        world.run(rtt_s + 0.5 * DEAD_S)
        assert world.best == WAN
        assert world.agent.is_failing
        world.run(0.7 * DEAD_S)
        assert world.best is None


def test_a_long_round_trip_is_waited_for() -> None:
    world = settled({WAN: 0.6})
    world.agent.doubt(world.now)
    world.run(5.0)
    assert world.best == WAN
    assert len(world.sent) <= DOUBT_MISSES


def test_a_path_that_comes_back_a_few_seconds_later_is_found_at_once() -> None:
    world = settled({WAN: 0.02})
    world.rtt_s.clear()
    world.agent.doubt(world.now)
    world.run(3.0)
    assert world.best is None
    world.rtt_s[WAN] = 0.02
    world.run(2.0)
    assert world.best == WAN


def test_doubts_while_one_is_being_cleared_up_cost_nothing_more() -> None:
    world = settled({WAN: 0.02})
    for _ in range(50):
        world.agent.doubt(world.now)
    world.run(1.0)
    assert len(world.sent) == 1


def test_the_pairs_that_never_answered_are_not_probed_for_a_doubt() -> None:
    world = settled({WAN: 0.02})
    world.learn(*(Endpoint(f"192.0.2.{number}", 1) for number in range(1, 9)))
    world.run_needed(600.0)
    world.sent.clear()
    for _ in range(20):
        world.agent.doubt(world.now)
        world.run(0.5)
    assert len([end for _, end in world.sent if end == WAN]) >= 20
    assert len([end for _, end in world.sent if end != WAN]) <= 8


def test_a_probe_of_the_peer_does_not_put_off_the_proof_of_a_doubted_path() -> None:
    world = settled({WAN: 0.02})
    world.rtt_s.clear()
    world.agent.doubt(world.now)
    world.agent.learn_from_peer(WAN, world.now)
    world.run(1.5 * DEAD_S)
    assert world.best is None
