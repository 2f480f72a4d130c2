"""Punching: every address of the peer gets its tries, of both families and at the same time."""

from __future__ import annotations

from meshdht.endpoint import Endpoint
from meshdht.paths.agent import PUNCH_S, PUNCHES
from tests.paths.world import LAN, WAN, World

WAN6 = Endpoint("2001:db8::2", 1)


def tries(world: World, since: float, endpoint: Endpoint) -> list[float]:
    """Seconds from the punch on at which an endpoint was tried."""
    return [at - since for at, to in world.sent if to == endpoint and at >= since]


def test_every_candidate_of_both_families_gets_three_tries_at_the_same_time() -> None:
    world = World()
    world.learn(LAN, WAN, WAN6)
    world.run(3600)
    begun = world.now
    world.agent.punch(begun)
    world.run(PUNCHES * PUNCH_S + 0.2)
    made = [tries(world, begun, each)[:PUNCHES] for each in (LAN, WAN, WAN6)]
    for number in range(PUNCHES):
        at_once = [each[number] for each in made]
        assert max(at_once) - min(at_once) < 0.2
        assert number * PUNCH_S <= min(at_once)
        assert max(at_once) <= number * 1.1 * PUNCH_S + 1e-6


def test_a_dead_lan_address_aborts_no_punch() -> None:
    world = World(rtt_s={LAN: 0.001})
    world.learn(LAN)
    world.run(1)
    assert world.best == LAN
    # The LAN path dies, and the peer's other addresses open only after the last try.
    world.rtt_s = {}
    world.learn(WAN, WAN6)
    world.run_needed(60)
    assert world.best is None
    world.agent.punch(world.now)
    world.run((PUNCHES - 1) * PUNCH_S - 0.05)
    world.rtt_s = {WAN: 0.04}
    world.run(0.5)
    assert world.best == WAN


def test_the_family_that_opens_first_is_used_and_the_other_beside_it() -> None:
    world = World(rtt_s={WAN: 0.05, WAN6: 0.02})
    world.learn(WAN, WAN6)
    world.agent.punch(world.now)
    world.run(1)
    assert world.best == WAN6
    assert all(pair.alive for pair in world.agent.pairs)
