"""What became of each way to a peer."""

from __future__ import annotations

from meshdht.endpoint import Endpoint
from meshdht.paths.account import PairState, account
from tests.paths.world import LAN, WAN, World

OTHER = Endpoint("203.0.113.3", 1)


def states(world: World) -> dict[Endpoint, PairState]:
    return {each.endpoint: each.state for each in account(world.agent, world.now)}


def test_a_way_goes_from_new_by_probing_to_alive_or_silent() -> None:
    world = World({WAN: 0.02})
    world.learn(LAN, WAN)
    assert states(world) == {LAN: PairState.NEW, WAN: PairState.NEW}
    world.run(0.1)
    assert states(world) == {LAN: PairState.PROBING, WAN: PairState.ALIVE}
    world.run(60.0)
    assert states(world)[LAN] is PairState.SILENT


def test_one_that_answers_no_more_is_doubted_and_then_dead() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    world.rtt_s.clear()
    world.agent.doubt(world.now)
    assert states(world)[WAN] is PairState.DOUBTED
    world.run(2.0)
    assert states(world)[WAN] is PairState.DEAD


def test_the_best_comes_first_then_who_answered_last() -> None:
    world = World({WAN: 0.02, OTHER: 0.03})
    world.learn(LAN, OTHER, WAN)
    world.run(3.0)
    told = account(world.agent, world.now)
    assert [each.endpoint for each in told] == [WAN, OTHER, LAN]
    assert [each.is_best for each in told] == [True, False, False]
    assert told[0].rtt_s is not None
    assert told[0].answered_s is not None
    assert 2.0 < told[0].answered_s < 3.0
    assert told[2].answered_s is None
    assert told[2].unanswered > 1
