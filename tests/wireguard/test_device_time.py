"""Transcripts of two devices on a virtual clock: what the paper's section 6 promises."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshdht.wireguard.constants import SPECIFICATION
from tests.wireguard.network import (
    A_TO_B,
    B_TO_A,
    Network,
    connected,
    ip_packet,
    pair,
)


@pytest.fixture
def network() -> Network:
    return Network()


# --- rekeying


def test_the_initiator_rekeys_with_the_first_packet_after_120_seconds(network: Network) -> None:
    a, b = connected(network)
    network.run(119.0)
    network.send(a, A_TO_B)
    assert network.said().count("a: initiation") == 1
    network.run(1.0)
    network.send(a, A_TO_B)
    network.run(0.1)
    assert network.said().count("a: initiation") == 2
    network.send(b, B_TO_A)
    network.run(0.1)
    assert (len(a.received), len(b.received)) == (1, 3)
    assert network.said().count("b: initiation") == 0


def test_the_responder_does_not_rekey_by_time(network: Network) -> None:
    a, b = connected(network)
    network.run(130.0)
    network.send(b, B_TO_A)
    network.run(0.1)
    assert a.received == [B_TO_A]
    assert network.said().count("b: initiation") == 0


def test_an_initiator_that_only_receives_rekeys_before_the_session_ends(network: Network) -> None:
    a, b = connected(network)
    network.run(164.0)
    since = network.now
    network.send(b, B_TO_A)
    network.run(0.1)
    assert "a: initiation" not in network.said(since)
    network.run(1.0)
    network.send(b, B_TO_A)
    network.run(0.1)
    assert "a: initiation" in network.said(since)
    assert a.received == [B_TO_A, B_TO_A]


def test_a_session_carries_nothing_after_reject_after_time(network: Network) -> None:
    a, b = connected(network)
    network.send(a, A_TO_B)
    late = network.transcript[-1]
    network.run(180.0)
    network.deliver(late.data, a.endpoint, b)
    assert b.device.counters.expired == 1
    since = network.now
    network.send(b, B_TO_A)
    network.run(0.1)
    assert network.said(since)[0] == "b: initiation"
    assert a.received == [B_TO_A]


def test_a_session_is_replaced_after_its_messages_and_ends_at_their_limit() -> None:
    network = Network()
    few = replace(SPECIFICATION, rekey_after_messages=3, reject_after_messages=5)
    a, b = pair(network, intervals=few)
    network.send(a, A_TO_B)
    network.run(5.1)
    network.lose = lambda sent: sent.what == "response"
    for _ in range(6):
        network.send(a, A_TO_B)
    network.run(0.1)
    assert len(b.received) == 5
    assert network.said().count("a: initiation") == 2


def test_packets_under_way_during_a_rekey_are_not_lost(network: Network) -> None:
    _, b = connected(network)
    a = network.nodes[0]
    network.run(121.0)
    for step in range(10):
        network.send(a, ip_packet("10.0.0.1", "10.0.0.2", bytes([step])))
        network.run(0.004)
    network.run(1.0)
    assert len(b.received) == 11


def test_all_keys_are_forgotten_after_three_times_reject_after_time(network: Network) -> None:
    a, _ = connected(network)
    peer = next(iter(a.device.peers))
    assert peer.keypairs.current is not None
    network.run(541.0)
    assert peer.keypairs.current is None
    assert a.device.next_timeout() is None


def test_a_silent_peer_is_asked_for_a_new_handshake_after_15_seconds(network: Network) -> None:
    a, b = connected(network)
    network.run(20.0)
    network.restart(b)
    network.introduce(b, a, knows_endpoint=False)
    network.send(a, A_TO_B)
    network.run(14.9)
    assert network.said().count("a: initiation") == 1
    network.run(1.0)
    network.send(a, A_TO_B)
    network.run(0.1)
    assert b.received == [A_TO_B, A_TO_B]


def test_a_restarted_peer_that_begins_itself_is_heard_at_once(network: Network) -> None:
    a, b = connected(network)
    network.run(20.0)
    network.restart(b)
    network.introduce(b, a)
    network.send(b, B_TO_A)
    network.run(0.1)
    assert a.received == [B_TO_A]


def test_a_clock_set_back_does_not_stop_handshakes(network: Network) -> None:
    a, b = connected(network)
    network.run(200.0)
    a.device.handle_packet(A_TO_B, network.now, network.unix - 86_400)
    network.collect(a)
    network.run(0.1)
    assert b.received == [A_TO_B, A_TO_B]


# --- keepalives


def test_who_only_receives_sends_one_keepalive_after_10_seconds(network: Network) -> None:
    connected(network)
    network.run(60.0)
    assert [(sent.what, round(sent.at - 1000)) for sent in network.transcript[3:]] == [
        ("keepalive", 10)
    ]


def test_an_answer_makes_the_keepalive_needless(network: Network) -> None:
    a, b = connected(network)
    network.run(9.0)
    network.send(b, B_TO_A)
    network.run(5.0)
    assert "b: keepalive" not in network.said()
    assert a.received == [B_TO_A]


def test_a_persistent_keepalive_connects_by_itself_and_holds_the_mapping(
    network: Network,
) -> None:
    a, b = pair(network)
    network.introduce(a, b, keepalive_s=25)
    network.run(110.0)
    times = [round(sent.at - 1000) for sent in network.transcript if sent.what == "keepalive"]
    assert times == [0, 25, 50, 75, 100]
    assert network.said()[:2] == ["a: initiation", "b: response"]
