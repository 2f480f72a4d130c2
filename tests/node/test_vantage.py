"""Where a device stands: its networks, and what it believes of where it is seen."""

from __future__ import annotations

from ipaddress import IPv4Network

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.vantage import OLD_MAPPINGS_S, Vantage
from meshdht.paths.candidate import PathKind
from meshdht.paths.nat_behaviour import Filtering
from meshdht.records.endpoint import NatBehaviour

OUTER = Endpoint("203.0.113.9", 1)
WITNESSES = [Endpoint("198.51.1.1", 41820), Endpoint("198.51.2.1", 41820)]


class StillClock:
    """It is always the same moment, until it is told otherwise."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def unix(self) -> float:
        return 0.0


STILL = StillClock()


def test_an_address_prefix_has_one_voice_in_the_dht_on_where_we_are() -> None:
    changes: list[None] = []
    vantage = Vantage(STILL, lambda: changes.append(None))
    false = Endpoint("203.0.113.66", 1)
    for number in range(2):
        vantage.seen_by_contact(Endpoint(f"198.51.{number + 1}.1", 41820), OUTER)
    for port in range(50):
        vantage.seen_by_contact(Endpoint(f"192.0.2.{port + 1}", 1000), false)
    assert vantage.reflexive.endpoints[:2] == [OUTER, false]
    vantage.seen_by_contact(Endpoint("192.0.2.67", 1), Endpoint("127.0.0.1", 1))
    assert Endpoint("127.0.0.1", 1) not in vantage.reflexive.endpoints
    # Seen there, the same by two, and at the false one.
    assert len(changes) == 3


def test_another_network_voids_what_was_seen_in_the_last() -> None:
    vantage = Vantage(STILL, lambda: None)
    vantage.seen_by(DeviceId(bytes(20)), WITNESSES[0], OUTER)
    home = Endpoint("192.168.1.2", 1)
    vantage.set_local([home], [IPv4Network("192.168.1.0/24")])
    assert vantage.reflexive.endpoints == []
    assert vantage.is_own(home)
    assert not vantage.is_own(OUTER)
    assert vantage.kind_of(Endpoint("192.168.1.9", 5)) is PathKind.LAN
    assert vantage.kind_of(OUTER) is PathKind.DIRECT


def test_the_meshs_own_addresses_are_never_probed() -> None:
    vantage = Vantage(STILL, lambda: None)
    vantage.mesh_networks = [IPv4Network("100.99.0.0/18")]
    assert vantage.probeable([Endpoint("100.99.0.7", 1), OUTER]) == [OUTER]


def test_of_loopback_only_open_legs_are_probed_and_none_is_where_we_are_seen() -> None:
    vantage, leg = Vantage(STILL, lambda: None), Endpoint("127.0.0.1", 40000)
    assert not vantage.may_probe(leg)
    vantage.legs.opened(leg, PathKind.RELAY)
    assert vantage.may_probe(leg)
    assert vantage.kind_of(leg) is PathKind.RELAY
    vantage.seen_by(DeviceId(bytes(20)), WITNESSES[0], leg)
    assert vantage.reflexive.endpoints == []
    vantage.legs.closed(leg)
    assert not vantage.may_probe(leg)


def test_a_lent_port_that_was_never_asked_for_is_a_relays_until_it_is_silent() -> None:
    vantage, port = Vantage(STILL, lambda: None), Endpoint("198.51.100.7", 42000)
    vantage.found_lent(port)
    assert vantage.kind_of(port) is PathKind.RELAY
    assert vantage.relay_of(port) is None
    assert vantage.may_probe(port)
    assert vantage.forget_lent(before=0.0) == []
    assert vantage.forget_lent(before=0.1) == [port]
    assert vantage.kind_of(port) is PathKind.DIRECT


def test_a_leg_is_what_it_was_opened_as_whatever_a_peer_says() -> None:
    vantage, leg = Vantage(STILL, lambda: None), Endpoint("127.0.0.1", 40000)
    vantage.legs.opened(leg, PathKind.DIRECT)
    vantage.found_lent(leg)
    assert vantage.kind_of(leg) is PathKind.DIRECT


def seen_from_everywhere(vantage: Vantage, *outer: Endpoint) -> None:
    for witness, seen_as in zip(WITNESSES, outer, strict=True):
        vantage.seen_by_contact(witness, seen_as)


def test_what_kind_of_nat_is_on_our_side_is_told_in_one_word() -> None:
    changes: list[None] = []
    vantage = Vantage(STILL, lambda: changes.append(None))
    seen_from_everywhere(vantage, OUTER, OUTER)
    assert vantage.nat is NatBehaviour.EI_APD
    # That it is seen there, and then that all see the same.
    assert len(changes) == 2
    hard = Vantage(STILL, lambda: None)
    hard.test_got_in(WITNESSES[0], knew_address=True)
    seen_from_everywhere(hard, OUTER, Endpoint(OUTER.host, 2))
    assert hard.nat is NatBehaviour.APD_AD
    open_to_all = Vantage(STILL, lambda: None)
    open_to_all.set_local([OUTER], [])
    seen_from_everywhere(open_to_all, OUTER, OUTER)
    assert open_to_all.nat is NatBehaviour.NONE


def test_who_is_on_our_side_of_the_nat_says_nothing_about_it() -> None:
    vantage = Vantage(STILL, lambda: None)
    home = Endpoint("192.168.1.2", 1)
    vantage.set_local([home], [IPv4Network("192.168.1.0/24")])
    for inside in (Endpoint("192.168.1.9", 5), Endpoint("10.9.9.9", 5), Endpoint("2001:db8::1", 5)):
        vantage.seen_by_contact(inside, home)
        vantage.test_got_in(inside, knew_address=False)
    assert vantage.nat is NatBehaviour.UNKNOWN
    assert vantage.judge.filtering is Filtering.UNKNOWN


def test_what_gets_in_just_after_a_start_may_have_been_sent_to_before_it() -> None:
    clock = StillClock()
    vantage = Vantage(clock, lambda: None)
    vantage.set_local([Endpoint("192.168.1.2", 1)], [])
    judge = vantage.judge
    found = [judge.filtering]
    clock.now = OLD_MAPPINGS_S - 1
    vantage.let_in(WITNESSES[0], knew_address=False)
    found.append(judge.filtering)
    # One that was asked to come from a port that it has just opened was not.
    vantage.test_got_in(WITNESSES[0], knew_address=True)
    found.append(judge.filtering)
    clock.now = OLD_MAPPINGS_S
    vantage.let_in(WITNESSES[0], knew_address=False)
    found.append(judge.filtering)
    one_way = [Filtering.ADDRESS_DEPENDENT, Filtering.ENDPOINT_INDEPENDENT]
    assert found == [Filtering.UNKNOWN, Filtering.UNKNOWN, *one_way]


def test_who_has_an_address_in_public_is_taken_for_public_until_others_see_it_elsewhere() -> None:
    vantage = Vantage(STILL, lambda: None)
    vantage.set_local([Endpoint("192.168.1.2", 1), Endpoint("2001:db8::2", 1)], [])
    assert not vantage.is_public
    vantage.set_local([Endpoint("192.168.1.2", 1), OUTER], [])
    assert vantage.is_public
    vantage.seen_by(DeviceId(bytes(20)), WITNESSES[0], OUTER)
    assert vantage.is_public
    vantage.reflexive.forget()
    vantage.seen_by(DeviceId(bytes(20)), WITNESSES[0], Endpoint("203.0.113.10", 1))
    assert not vantage.is_public
