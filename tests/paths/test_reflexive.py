from __future__ import annotations

from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_OBSERVERS, MAX_REFLEXIVE
from meshdht.paths.reflexive import ReflexiveEndpoints

US = Endpoint("203.0.113.1", 41641)
LIE = Endpoint("198.51.100.66", 1)


def test_a_new_observation_changes_what_we_publish_once() -> None:
    reflexive = ReflexiveEndpoints()
    assert reflexive.observe("peer", US)
    assert not reflexive.observe("peer", US)
    assert reflexive.endpoints == [US]


def test_what_most_peers_see_comes_first() -> None:
    reflexive = ReflexiveEndpoints()
    reflexive.observe("liar", LIE)
    reflexive.observe("one", US)
    reflexive.observe("other", US)
    assert reflexive.endpoints == [US, LIE]


def test_a_liar_has_one_voice_however_often_it_speaks() -> None:
    reflexive = ReflexiveEndpoints()
    reflexive.observe("honest", US)
    for port in range(2, 50):
        reflexive.observe("liar", Endpoint(LIE.host, port))
    assert len(reflexive.endpoints) == 2


def test_each_family_is_observed_apart() -> None:
    reflexive = ReflexiveEndpoints()
    six = Endpoint("2001:db8::1", 41641)
    reflexive.observe("peer", US)
    reflexive.observe("peer", six)
    assert set(reflexive.endpoints) == {US, six}


def test_what_is_remembered_and_published_is_bounded() -> None:
    reflexive = ReflexiveEndpoints()
    reflexive.observe("first", US)
    for number in range(MAX_OBSERVERS):
        reflexive.observe(number, Endpoint(f"198.51.100.{number}", 1))
    assert US not in reflexive.endpoints
    assert len(reflexive.endpoints) == MAX_REFLEXIVE


def test_a_changed_network_forgets_all() -> None:
    reflexive = ReflexiveEndpoints()
    reflexive.observe("peer", US)
    reflexive.forget()
    assert reflexive.endpoints == []


def test_of_a_mapping_that_depends_on_the_peer_one_port_stands_for_all() -> None:
    reflexive = ReflexiveEndpoints()
    ports = [Endpoint(US.host, 1024 + number) for number in range(40)]
    for number, seen in enumerate(ports[:20]):
        reflexive.observe(f"peer {number}", seen)
        # The same peer in the DHT.
        reflexive.observe(f"prefix {number}", seen)
    assert reflexive.endpoints == ports[:1]
    changes = [reflexive.observe(f"peer {19 - number}", ports[20 + number]) for number in range(18)]
    assert not any(changes), "ports that come and go are no news"


def test_a_mapping_that_all_see_alike_moves_with_what_they_see() -> None:
    reflexive = ReflexiveEndpoints()
    moved = Endpoint(US.host, US.port + 1)
    for number in range(6):
        reflexive.observe(number, US)
    for number in range(6):
        reflexive.observe(number, moved)
        assert moved in reflexive.endpoints
    assert reflexive.endpoints == [moved]


def test_liars_do_not_make_a_mapping_look_dependent() -> None:
    reflexive = ReflexiveEndpoints()
    for number in range(20):
        reflexive.observe(f"liar {number}", Endpoint(US.host, number + 1))
    for number in range(3):
        reflexive.observe(f"honest {number}", US)
    assert reflexive.endpoints[0] == US
