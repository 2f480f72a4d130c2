from __future__ import annotations

from meshdht.endpoint import NOWHERE, Endpoint
from meshdht.paths.candidate import PathKind
from meshdht.paths.legs import Legs
from tests.paths.world import LAN, WAN, World

OTHER_WAN = Endpoint("203.0.113.3", 1)


def test_an_endpoint_is_a_leg_while_it_is_open() -> None:
    legs, leg = Legs(), Endpoint("127.0.0.1", 40000)
    assert leg not in legs
    legs.opened(leg, PathKind.RELAY)
    assert leg in legs
    assert legs.kind_of(leg) is PathKind.RELAY
    assert legs.kind_of(Endpoint("127.0.0.1", 40001)) is None
    assert legs.stream(leg) is None
    legs.opened(leg, PathKind.DIRECT, stream=WAN)
    assert legs.stream(leg) == WAN
    for _ in range(2):
        legs.closed(leg)
        assert legs.stream(leg) is None
        assert leg not in legs


def test_another_port_of_where_a_leg_leads_is_another_leg() -> None:
    legs, leg, other = Legs(), Endpoint("127.0.0.1", 40000), Endpoint("127.0.0.1", 40001)
    assert legs.at_port(WAN, 7) == Endpoint(WAN.host, 7)
    legs.opened(leg, PathKind.DIRECT)
    assert legs.at_port(leg, 7) is None
    legs.opened(leg, PathKind.DIRECT, {7: other}.get)
    assert legs.at_port(leg, 7) == other
    assert legs.at_port(leg, 8) is None


def test_an_endpoint_that_is_gone_is_left_at_once_for_the_next() -> None:
    world = World({LAN: 0.001, WAN: 0.03})
    world.learn(LAN, WAN)
    world.run(1)
    assert world.agent.best is not None
    assert world.agent.best.endpoint == LAN
    world.agent.forget(LAN, world.now)
    assert world.agent.best.endpoint == WAN
    assert [pair.endpoint for pair in world.agent.pairs] == [WAN]
    world.agent.forget(WAN, world.now)
    assert world.agent.best is None
    world.agent.forget(WAN, world.now)
    assert world.agent.deadline() is None


def test_a_socket_of_ours_is_told_as_where_it_leads_and_a_stream_as_nowhere() -> None:
    legs, far = Legs(), Endpoint("192.0.2.1", 7)
    one, other = Endpoint("127.0.0.1", 1001), Endpoint("127.0.0.1", 1002)
    legs.opened(one, PathKind.DIRECT, far=far)
    legs.opened(other, PathKind.RELAY)
    assert (legs.is_socket(one), legs.is_socket(other), legs.is_socket(far)) == (True, False, False)
    assert legs.as_told(one) == far
    assert legs.as_told(other) == NOWHERE
    assert legs.as_told(far) == far
    legs.closed(one)
    assert not legs.is_socket(one)


def test_a_path_without_a_stream_is_gone_over_to_as_soon_as_it_stands() -> None:
    streams = {WAN}
    world = World({WAN: 0.001}, is_stream=streams.__contains__)
    world.learn(WAN)
    world.run(1)
    assert world.agent.best is not None
    assert world.agent.best.endpoint == WAN
    world.rtt_s[OTHER_WAN] = 0.05
    world.learn(OTHER_WAN)
    world.run(1)
    assert world.agent.best.endpoint == OTHER_WAN
