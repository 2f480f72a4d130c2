"""Transcripts of two devices on a virtual clock: handshakes, loss, peers that come and go."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey, WireGuardPublicKey
from meshdht.errors import OpenFailed, Refused
from meshdht.limits import WIREGUARD_PEERS, WIREGUARD_STAGED_PACKETS
from meshdht.wireguard.device import Device
from meshdht.wireguard.events import (
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeFailed,
    HandshakeWanted,
)
from meshdht.wireguard.timers import HASTE_S
from tests.wireguard.network import (
    A_TO_B,
    B_TO_A,
    ELSEWHERE,
    UNIX_AT_START,
    Network,
    connected,
    inject,
    ip_packet,
    pair,
)


@pytest.fixture
def network() -> Network:
    return Network()


# --- handshake


def test_the_first_packet_brings_a_handshake_and_then_arrives(network: Network) -> None:
    _, b = connected(network)
    assert b.received == [A_TO_B]
    assert network.said() == ["a: initiation", "b: response", "a: data"]


def test_a_responder_answers_under_the_session_once_it_is_confirmed(network: Network) -> None:
    a, b = connected(network)
    network.send(b, B_TO_A)
    network.run(0.1)
    assert a.received == [B_TO_A]
    assert network.said().count("b: initiation") == 0


def test_both_sides_report_the_handshake_with_the_endpoint_of_the_other(network: Network) -> None:
    a, b = connected(network)
    completed = [event for event in a.events + b.events if isinstance(event, HandshakeCompleted)]
    assert [event.endpoint for event in completed] == [b.endpoint, a.endpoint]
    assert all(event.unix >= UNIX_AT_START for event in completed)
    assert [peer.handshake_unix for peer in a.device.peers] == [completed[0].unix]


def test_a_responder_learns_the_endpoint_of_its_peer_from_the_first_packet(
    network: Network,
) -> None:
    a, b = pair(network, b_knows_a=False)
    network.send(a, A_TO_B)
    network.run(0.1)
    assert [peer.endpoint for peer in b.device.peers] == [a.endpoint]
    assert EndpointRoamed(a.private.public, a.endpoint) in b.events


def test_packets_of_both_families_cross(network: Network) -> None:
    _, b = connected(network)
    packet = ip_packet("fd00::1", "fd00::2", b"six")
    network.send(a := network.nodes[0], packet)
    network.run(0.1)
    assert b.received == [A_TO_B, packet]
    assert a.device.counters.no_route == 0


def test_packets_wait_in_order_for_the_handshake_and_the_oldest_go_beyond_the_cap(
    network: Network,
) -> None:
    a, b = pair(network)
    packets = [
        ip_packet("10.0.0.1", "10.0.0.2", bytes([number]))
        for number in range(WIREGUARD_STAGED_PACKETS + 3)
    ]
    for packet in packets:
        network.send(a, packet)
    network.run(0.1)
    assert b.received == packets[3:]
    assert a.device.counters.staged_dropped == 3


def test_a_psk_of_both_sides_lets_packets_cross(network: Network) -> None:
    a, b = pair(network)
    psk = PresharedKey(bytes(range(32)))
    network.introduce(a, b, psk=psk)
    network.introduce(b, a, psk=psk)
    network.send(a, A_TO_B)
    network.run(0.1)
    assert b.received == [A_TO_B]


def test_different_psks_end_in_silence(network: Network) -> None:
    a, b = pair(network)
    network.introduce(a, b, psk=PresharedKey(bytes(32)))
    network.introduce(b, a, psk=PresharedKey(bytes([1]) * 32))
    network.send(a, A_TO_B)
    network.run(0.2)
    assert b.received == []
    assert network.said() == ["a: initiation", "b: response"]
    assert a.device.counters.bad_handshake == 1


def test_an_unknown_initiator_meets_silence(network: Network) -> None:
    a, b = pair(network)
    b.device.remove_peer(a.private.public)
    network.send(a, A_TO_B)
    network.run(0.2)
    assert network.said() == ["a: initiation"]
    assert b.device.counters.unknown_peer == 1


def test_who_does_not_know_our_static_key_meets_silence(network: Network) -> None:
    a, b = pair(network)
    other = WireGuardPrivateKey(bytes([9]) * 32)
    a.device.remove_peer(b.private.public)
    a.device.add_peer(
        other.public, allowed_ips=[ip_network("10.0.0.2")], endpoint=b.endpoint, now=network.now
    )
    network.send(a, A_TO_B)
    network.run(0.2)
    assert network.said() == ["a: initiation"]
    assert b.device.counters.bad_mac1 == 1


def test_both_sides_may_begin_at_once(network: Network) -> None:
    a, b = pair(network)
    network.send(a, A_TO_B)
    network.send(b, B_TO_A)
    network.run(1.0)
    assert (a.received, b.received) == ([B_TO_A], [A_TO_B])
    for sender, packet in ((a, A_TO_B), (b, B_TO_A)):
        network.send(sender, packet)
    network.run(1.0)
    assert (a.received, b.received) == ([B_TO_A] * 2, [A_TO_B] * 2)
    assert network.said().count("a: initiation") == network.said().count("b: initiation") == 1


# --- loss and retries


def test_a_lost_initiation_is_repeated_soon(network: Network) -> None:
    a, b = pair(network)
    network.lose = lambda sent: sent.what == "initiation" and sent.at < 1000.2
    network.send(a, A_TO_B)
    network.run(1.0)
    assert b.received == [A_TO_B]
    first, second = (sent.at for sent in network.transcript if sent.what == "initiation")
    assert 0.25 <= second - first <= 0.59


def initiated(network: Network) -> list[float]:
    """When initiations were sent, in the order of time."""
    return sorted({sent.at for sent in network.transcript if sent.what == "initiation"})


def test_where_two_initiations_were_lost_the_next_ones_go_twice_for_some_seconds(
    network: Network,
) -> None:
    a, _ = pair(network)
    network.lose = lambda sent: True
    network.send(a, A_TO_B)
    network.run(60.0)
    times = Counter(sent.at for sent in network.transcript)
    copies = [times[at] for at in initiated(network)]
    twice = len(HASTE_S) - 1
    assert copies == [1, 1, *[2] * twice, *[1] * (len(copies) - twice - 2)]


def test_of_two_copies_of_an_initiation_one_is_answered(network: Network) -> None:
    a, b = pair(network)
    network.lose = lambda sent: sent.at < 1000.5
    network.send(a, A_TO_B)
    network.run(1.0)
    assert b.received == [A_TO_B]
    assert network.said().count("a: initiation") == 4
    assert network.said().count("b: response") == 1


def test_packets_do_not_hurry_the_repetition(network: Network) -> None:
    a, _ = pair(network)
    network.lose = lambda sent: True
    for _ in range(20):
        network.send(a, A_TO_B)
        network.run(0.1)
    assert len(initiated(network)) <= 6


def test_a_lost_response_is_made_up_for_by_the_next_attempt(network: Network) -> None:
    a, b = pair(network)
    network.lose = lambda sent: sent.what == "response" and sent.at < 1001
    network.send(a, A_TO_B)
    network.run(6.0)
    assert b.received == [A_TO_B]


def test_attempts_end_after_rekey_attempt_time_and_say_so(network: Network) -> None:
    a, b = pair(network)
    network.lose = lambda sent: True
    network.send(a, A_TO_B)
    network.run(200.0)
    assert a.events[-1] == HandshakeFailed(b.private.public)
    assert set(a.events[:-1]) == {HandshakeWanted(b.private.public)}
    assert 25 <= len(initiated(network)) <= 27
    assert network.transcript[-1].at - network.transcript[0].at <= 90.0
    assert a.device.counters.staged_dropped == 1


def test_a_new_packet_after_giving_up_begins_again(network: Network) -> None:
    a, b = pair(network)
    network.lose = lambda sent: sent.at < 1150
    network.send(a, A_TO_B)
    network.run(200.0)
    network.send(a, A_TO_B)
    network.run(1.0)
    assert b.received == [A_TO_B]


def test_without_an_endpoint_packets_wait_for_one(network: Network) -> None:
    a, b = pair(network, b_knows_a=False)
    network.send(b, B_TO_A)
    network.run(30.0)
    assert network.transcript == []
    b.device.set_endpoint(a.private.public, a.endpoint, network.now, network.unix)
    network.collect(b)
    network.run(0.1)
    assert a.received == [B_TO_A]


def test_without_an_endpoint_packets_do_not_wait_for_ever(network: Network) -> None:
    a, b = pair(network, b_knows_a=False)
    network.send(b, B_TO_A)
    network.run(100.0)
    *wanted, last = b.events
    assert set(wanted) == {HandshakeWanted(a.private.public)}
    assert 25 <= len(wanted) <= 27, "one a try"
    assert last == HandshakeFailed(a.private.public)
    assert b.device.counters.staged_dropped == 1
    b.device.set_endpoint(a.private.public, a.endpoint, network.now, network.unix)
    assert b.device.poll_transmit() is None


def test_a_better_endpoint_is_tried_at_once_while_a_handshake_waits(network: Network) -> None:
    a, b = pair(network)
    a.device.set_endpoint(b.private.public, ELSEWHERE, network.now, network.unix)
    network.send(a, A_TO_B)
    network.run(1.0)
    a.device.set_endpoint(b.private.public, b.endpoint, network.now, network.unix)
    network.collect(a)
    network.run(0.1)
    assert b.received == [A_TO_B]


def test_a_handshake_begins_on_demand_and_not_twice(network: Network) -> None:
    a, b = pair(network)
    for _ in range(2):
        a.device.initiate(b.private.public, network.now, network.unix)
        network.collect(a)
        network.run(6.0)
    assert network.said() == ["a: initiation", "b: response", "a: keepalive"]


def test_a_demand_without_an_endpoint_is_met_once_there_is_one(network: Network) -> None:
    a, b = pair(network, b_knows_a=False)
    b.device.initiate(a.private.public, network.now, network.unix)
    network.run(1.0)
    b.device.set_endpoint(a.private.public, a.endpoint, network.now, network.unix)
    network.collect(b)
    network.run(0.1)
    assert network.said() == ["b: initiation", "a: response", "b: keepalive"]


# --- peers come and go


def test_a_removed_peer_is_forgotten_with_its_keys(network: Network) -> None:
    a, b = connected(network)
    network.send(a, A_TO_B)
    under_way = network.transcript[-1].data
    b.device.remove_peer(a.private.public)
    b.device.remove_peer(a.private.public)
    network.deliver(under_way, a.endpoint, b)
    assert b.device.counters.unknown_index == 1
    network.send(b, B_TO_A)
    assert b.device.counters.no_route == 1


def test_changing_a_peer_keeps_its_session(network: Network) -> None:
    a, b = connected(network)
    b.device.add_peer(a.private.public, allowed_ips=[ip_network("10.0.0.0/24")], now=network.now)
    packet = ip_packet("10.0.0.77", "10.0.0.2")
    inject(network, a, packet)
    assert b.received == [A_TO_B, packet]


def test_a_public_key_of_small_order_is_refused() -> None:
    device = Device(WireGuardPrivateKey(bytes([1]) * 32), SeededEntropy(1))
    with pytest.raises(OpenFailed):
        device.add_peer(WireGuardPublicKey(bytes(32)), now=0.0)


def test_peers_beyond_the_cap_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshdht.wireguard.device.WIREGUARD_PEERS", 2)
    assert WIREGUARD_PEERS > 2
    device = Device(WireGuardPrivateKey(bytes([1]) * 32), SeededEntropy(1))
    for seed in (2, 3):
        device.add_peer(WireGuardPrivateKey(bytes([seed]) * 32).public, now=0.0)
    with pytest.raises(Refused):
        device.add_peer(WireGuardPrivateKey(bytes([4]) * 32).public, now=0.0)


def test_bytes_are_counted_on_both_sides_alike(network: Network) -> None:
    a, b = connected(network)
    (to_b,), (to_a,) = a.device.peers, b.device.peers
    assert (to_b.tx_bytes, to_b.rx_bytes) == (to_a.rx_bytes, to_a.tx_bytes)
    assert to_b.tx_bytes == sum(len(s.data) for s in network.transcript if s.source == a.endpoint)
