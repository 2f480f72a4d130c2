from __future__ import annotations

from itertools import pairwise

from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_OUTSTANDING_PROBES, MAX_PAIRS_PER_PEER, MAX_UNPROVED_PORTS
from meshdht.paths.agent import AFTER_CALL_S, MAX_MISSES, PUNCH_S, PUNCHES
from meshdht.paths.candidate import PathKind
from meshdht.paths.pace import (
    IDLE_LONGEST_S,
    IDLE_SHORTEST_S,
    KEEPALIVE_S,
    OWN_PROOF,
    PATIENT_RETRY_S,
    RETRY_S,
)
from tests.paths.world import LAN, WAN, World


def test_every_new_endpoint_is_probed_at_once_and_the_answering_one_is_used() -> None:
    world = World({WAN: 0.02})
    world.learn(LAN, WAN)
    world.run(0.1)
    assert world.sent[:2] == [(100.0, LAN), (100.0, WAN)]
    assert world.best == WAN


def test_lan_is_taken_over_once_it_answers() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    world.rtt_s[LAN] = 0.001
    world.learn(LAN)
    world.run(1.0)
    assert world.best == LAN
    assert world.agent.kind is PathKind.LAN


def test_an_equal_path_does_not_displace_the_one_in_use() -> None:
    other = Endpoint("203.0.113.3", 1)
    world = World({WAN: 0.020, other: 0.019})
    world.learn(WAN)
    world.run(1.0)
    world.learn(other)
    world.run(300.0)
    assert world.best == WAN


def test_a_silent_endpoint_is_probed_ever_more_rarely() -> None:
    world = World()
    world.learn(WAN)
    world.run(3600.0)
    pauses = [after - before for (before, _), (after, _) in pairwise(world.sent)]
    assert all(pause >= RETRY_S[0] for pause in pauses)
    assert pauses[: len(RETRY_S) - 1] == sorted(pauses[: len(RETRY_S) - 1])
    assert min(pauses[-5:]) >= RETRY_S[-1]


def test_a_silent_endpoint_is_probed_more_rarely_still_where_others_would_tell() -> None:
    world = World()
    world.pace.peers = 1
    world.learn(WAN)
    world.run(24 * 3600.0)
    pauses = [after - before for (before, _), (after, _) in pairwise(world.sent)]
    assert min(pauses[-5:]) >= PATIENT_RETRY_S[-1]


def test_a_path_with_traffic_costs_one_probe_a_keepalive() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run_needed(10 * KEEPALIVE_S)
    assert 10 <= len(world.sent) <= 12


def test_an_idle_path_costs_a_probe_in_minutes_and_fewer_the_more_peers_there_are() -> None:
    for peers, pause in ((1, IDLE_SHORTEST_S), (9, 540.0), (1000, IDLE_LONGEST_S)):
        world = World({WAN: 0.02})
        world.pace.peers = peers
        world.learn(WAN)
        world.run(20 * pause)
        assert 20 <= len(world.sent) <= 24


def test_a_path_that_died_idle_is_left_within_seconds_of_the_first_traffic() -> None:
    world = World({LAN: 0.001, WAN: 0.02})
    world.pace.peers = 9
    world.learn(LAN, WAN)
    world.run(3 * 3600.0)
    assert world.best == LAN
    del world.rtt_s[LAN]
    world.run(60.0)
    assert world.best == LAN, "nobody asks in this minute, so that nobody knows"
    world.agent.need(world.now)
    world.run(0.3 * (MAX_MISSES + 1))
    assert world.best == WAN


def test_traffic_for_a_peer_that_was_given_up_tries_it_at_once_but_not_with_every_packet() -> None:
    world = World()
    world.pace.peers = 1
    world.learn(WAN)
    world.run(3 * 3600.0)
    before = len(world.sent)
    for _ in range(100):
        world.agent.need(world.now)
        world.run(0.1)
    assert 4 <= len(world.sent) - before <= 10


def test_a_recent_proof_is_not_made_again_for_each_packet() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    before = len(world.sent)
    for _ in range(50):
        world.agent.need(world.now)
        world.run(0.1)
    assert len(world.sent) == before


def test_a_peer_asked_to_call_is_left_alone_until_then() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    start, before = world.now, len(world.sent)
    world.agent.hush(WAN, start + 360.0, then_call=True)
    world.run(365.0)
    assert world.sent[before:] == [(start + 360.0, WAN)]


def test_a_call_that_is_not_answered_says_nothing_about_the_path() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    world.agent.hush(WAN, world.now + 110.0, then_call=True)
    world.rtt_s.clear()
    world.run(110.0 + AFTER_CALL_S / 2)
    assert world.best == WAN
    world.rtt_s[WAN] = 0.02
    world.run(AFTER_CALL_S)
    assert world.best == WAN


def test_the_next_probe_to_get_through_tells_how_many_did_not() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    world.rtt_s.clear()
    world.run_needed(KEEPALIVE_S + 5.0)
    (probe,) = world.agent.probe_best(world.now)
    assert probe.lost >= MAX_MISSES
    world.agent.handle_reply(probe.message_id, WAN, world.now)
    assert world.agent.probe_best(world.now)[0].lost == 0


def test_a_peers_probe_takes_the_place_of_our_keepalive_but_not_for_ever() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    start, before = world.now, len(world.sent)
    while world.now < start + 4 * OWN_PROOF * KEEPALIVE_S:
        world.run_needed(KEEPALIVE_S / 2)
        world.agent.learn_from_peer(WAN, world.now)
    assert 4 <= len(world.sent) - before <= 5


def test_a_silent_peer_is_not_believed_because_it_once_probed() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    world.agent.learn_from_peer(WAN, world.now)
    world.rtt_s.clear()
    world.run_needed(KEEPALIVE_S + 2.0)
    assert world.best is None


def test_a_dead_path_is_left_for_another_within_seconds_of_the_next_keepalive() -> None:
    world = World({LAN: 0.001, WAN: 0.02})
    world.learn(LAN, WAN)
    world.run(1.0)
    assert world.best == LAN
    del world.rtt_s[LAN]
    world.run_needed(KEEPALIVE_S + 0.3 * (MAX_MISSES + 2))
    assert world.best == WAN


def test_a_peer_that_vanishes_has_no_path_and_one_that_returns_has_one_again() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    del world.rtt_s[WAN]
    world.run_needed(KEEPALIVE_S + 2.0)
    assert world.best is None
    assert world.agent.kind is PathKind.NONE
    world.rtt_s[WAN] = 0.02
    world.run(RETRY_S[-1] * 1.2)
    assert world.best == WAN


def test_a_peer_with_many_ways_that_vanishes_is_known_to_be_gone_as_soon() -> None:
    world = World({LAN: 0.001, WAN: 0.02, Endpoint("2001:db8::2", 1): 0.02})
    world.learn(*world.rtt_s)
    world.run(60.0)
    assert world.best == LAN
    world.rtt_s.clear()
    world.run_needed(KEEPALIVE_S + 5.0)
    assert world.best is None


def test_a_peers_probe_from_a_new_address_is_checked_at_once_beside_the_best() -> None:
    moved = Endpoint("198.51.100.7", 9)
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    world.rtt_s = {moved: 0.02}
    world.agent.learn_from_peer(moved, world.now)
    world.run(0.3)
    assert world.best == moved


def test_a_best_that_still_answers_is_kept_when_the_peer_speaks_from_elsewhere_too() -> None:
    other = Endpoint("198.51.100.7", 9)
    world = World({WAN: 0.02, other: 0.02})
    world.learn(WAN)
    world.run(1.0)
    world.sent.clear()
    for _ in range(5):
        world.agent.learn_from_peer(other, world.now)
        world.run(0.3)
    assert world.best == WAN
    assert len(world.sent) == 2


def test_a_given_up_endpoint_gets_new_tries_when_the_peer_speaks_from_it() -> None:
    world = World()
    world.learn(WAN)
    world.run(600.0)
    world.rtt_s[WAN] = 0.02
    world.agent.learn_from_peer(WAN, world.now)
    world.run(0.1)
    assert world.best == WAN


def test_a_peers_probe_asks_for_no_second_one_while_ours_may_be_answered() -> None:
    world = World({WAN: 0.1})
    world.learn(WAN)
    world.run(0.05)
    world.agent.learn_from_peer(WAN, world.now)
    world.agent.hope(world.now)
    world.run(1.0)
    assert world.best == WAN
    assert len(world.sent) == 1


def test_a_peers_probe_makes_up_soon_for_one_that_its_filter_dropped() -> None:
    world = World()
    world.learn(WAN)
    world.run(8.0)
    last, _ = world.sent[-1]
    world.rtt_s[WAN] = 0.02
    world.run(0.1)
    world.agent.learn_from_peer(WAN, world.now)
    world.run(RETRY_S[0])
    assert world.best == WAN
    assert world.sent[-1][0] - last >= RETRY_S[0]


def test_an_answer_from_another_address_than_asked_counts_for_nothing() -> None:
    world = World()
    world.learn(WAN, LAN)
    probes = {probe.endpoint: probe for probe in world.agent.poll(world.now)}
    assert world.agent.handle_reply(probes[WAN].message_id, LAN, world.now + 0.01) is None
    assert world.agent.handle_reply(b"invented", WAN, world.now + 0.01) is None
    assert world.best is None


def test_an_answer_counts_once() -> None:
    world = World()
    world.learn(WAN)
    (probe,) = world.agent.poll(world.now)
    assert world.agent.handle_reply(probe.message_id, WAN, world.now + 0.01) is not None
    assert world.agent.handle_reply(probe.message_id, WAN, world.now + 0.02) is None


def test_a_late_answer_still_revives_and_measures() -> None:
    world = World({WAN: 1.2})
    world.learn(WAN)
    world.run(5.0)
    assert world.best == WAN
    assert world.agent.best is not None
    assert world.agent.best.rtt_s is not None
    assert 1.1 < world.agent.best.rtt_s < 1.3


def test_a_peer_that_names_many_endpoints_costs_a_bounded_number() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    for port in range(1, 200):
        world.learn(Endpoint(f"198.51.100.{port}", 1))
    assert len(world.agent.pairs) == MAX_PAIRS_PER_PEER
    assert world.best == WAN, "the working path is never the one to make room"


def test_a_peer_that_names_all_ports_of_one_address_has_a_few_of_them_probed() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    for port in range(1, 100):
        world.learn(Endpoint("198.51.100.9", port))
        world.learn(Endpoint(WAN.host, 1000 + port))
    named = [pair.endpoint for pair in world.agent.pairs]
    assert len([each for each in named if each.host == "198.51.100.9"]) == MAX_UNPROVED_PORTS
    assert WAN in named
    assert world.best == WAN


def test_probes_that_nobody_answers_are_forgotten_at_the_cap() -> None:
    world = World()
    world.learn(WAN)
    first = world.agent.poll(world.now)[0]
    for _ in range(MAX_OUTSTANDING_PROBES):
        world.agent.probe_best(world.now)
    assert world.agent.handle_reply(first.message_id, WAN, world.now) is None


def test_a_change_of_our_network_probes_every_pair_now() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN, LAN)
    world.run(60.0)
    world.agent.recheck(world.now)
    assert {probe.endpoint for probe in world.agent.poll(world.now)} == {WAN, LAN}


def test_one_seed_replays_one_run() -> None:
    def run() -> list[tuple[float, Endpoint]]:
        world = World({WAN: 0.02})
        world.learn(WAN, LAN)
        world.run(500.0)
        return world.sent

    assert run() == run()


def test_a_pair_that_was_silent_for_long_is_tried_a_few_times_when_both_do() -> None:
    world = World()
    world.learn(WAN)
    world.run(24 * 3600)
    world.sent.clear()
    begun = world.now
    world.agent.punch(world.now)
    world.run(60)
    assert len(world.sent) == PUNCHES
    assert all(at <= begun + 2 * PUNCHES * PUNCH_S for at, _ in world.sent)


def test_a_pair_that_works_is_checked_when_the_peer_says_that_it_does_not() -> None:
    world = World({WAN: 0.05})
    world.learn(WAN)
    world.run(10)
    world.rtt_s.clear()
    world.agent.punch(world.now)
    world.run(10)
    assert world.agent.best is None
