"""Transcripts of two devices on a virtual clock: what the paper's section 6 promises."""

from __future__ import annotations

import zlib
from dataclasses import replace
from ipaddress import ip_network

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed, Refused
from meshdht.limits import WIREGUARD_PEERS, WIREGUARD_STAGED_PACKETS
from meshdht.wireguard.constants import SPECIFICATION
from meshdht.wireguard.device import Device
from meshdht.wireguard.events import EndpointRoamed, HandshakeCompleted, HandshakeFailed
from tests.wireguard.network import (
    A_TO_B,
    B_TO_A,
    UNIX_AT_START,
    Network,
    Node,
    Sent,
    ip_packet,
    pair,
)

ELSEWHERE = Endpoint("198.51.100.9", 4444)


@pytest.fixture
def network() -> Network:
    return Network()


def connected(network: Network) -> tuple[Node, Node]:
    """A pair with a confirmed session, made by a."""
    a, b = pair(network)
    network.send(a, A_TO_B)
    network.run(0.1)
    return a, b


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
    network.run(4.0)
    assert b.received == []
    assert network.said() == ["a: initiation", "b: response"]
    assert a.device.counters.bad_handshake == 1


def test_an_unknown_initiator_meets_silence(network: Network) -> None:
    a, b = pair(network)
    b.device.remove_peer(a.private.public)
    network.send(a, A_TO_B)
    network.run(1.0)
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
    network.run(1.0)
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


def test_a_lost_initiation_is_repeated_after_rekey_timeout(network: Network) -> None:
    a, b = pair(network)
    network.lose = lambda sent: sent.what == "initiation" and sent.at < 1001
    network.send(a, A_TO_B)
    network.run(6.0)
    assert b.received == [A_TO_B]
    first, second = (sent.at for sent in network.transcript if sent.what == "initiation")
    assert 5.0 <= second - first <= 5.34


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
    assert a.events == [HandshakeFailed(b.private.public)]
    assert 17 <= network.said().count("a: initiation") <= 19
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


def test_a_better_endpoint_is_tried_at_once_while_a_handshake_waits(network: Network) -> None:
    a, b = pair(network)
    a.device.set_endpoint(b.private.public, ELSEWHERE, network.now, network.unix)
    network.send(a, A_TO_B)
    network.run(1.0)
    a.device.set_endpoint(b.private.public, b.endpoint, network.now, network.unix)
    network.collect(a)
    network.run(0.1)
    assert b.received == [A_TO_B]


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


# --- replays and forgeries


def test_a_replayed_packet_is_dropped(network: Network) -> None:
    a, b = connected(network)
    network.deliver(network.transcript[-1].data, a.endpoint, b)
    assert b.received == [A_TO_B]
    assert b.device.counters.replayed == 1


def test_a_replayed_initiation_is_dropped(network: Network) -> None:
    a, b = connected(network)
    network.deliver(network.transcript[0].data, ELSEWHERE, b)
    assert network.said() == ["a: initiation", "b: response", "a: data"]
    assert b.device.counters.old_handshake == 1
    assert [peer.endpoint for peer in b.device.peers] == [a.endpoint]


def test_an_initiation_replayed_after_a_restart_does_not_move_the_endpoint(
    network: Network,
) -> None:
    a, b = connected(network)
    network.restart(b)
    network.introduce(b, a)
    network.deliver(network.transcript[0].data, ELSEWHERE, b)
    assert network.transcript[-1].destination == ELSEWHERE
    assert [peer.endpoint for peer in b.device.peers] == [a.endpoint]


def test_initiations_of_one_peer_are_not_answered_faster_than_the_spacing(
    network: Network,
) -> None:
    a, b = pair(network)
    network.lose = lambda sent: True
    network.send(a, A_TO_B)
    network.deliver(network.transcript[-1].data, a.endpoint, b)
    a.device.set_endpoint(b.private.public, ELSEWHERE, network.now, network.unix)
    network.collect(a)
    network.now += 0.04
    network.deliver(network.transcript[-1].data, a.endpoint, b)
    assert network.said().count("b: response") == 1
    assert b.device.counters.rate_limited == 1


def test_an_altered_byte_anywhere_in_a_message_makes_it_worthless(network: Network) -> None:
    a, b = pair(network)
    network.lose = lambda sent: True
    network.send(a, A_TO_B)
    initiation = network.transcript[-1].data
    # mac2 (the last 16 bytes) counts under load only.
    for position in range(len(initiation) - 16):
        altered = bytearray(initiation)
        altered[position] ^= 1
        network.deliver(bytes(altered), a.endpoint, b)
    assert "b: response" not in network.said()


def test_a_forged_response_does_not_spoil_the_handshake_under_way(network: Network) -> None:
    a, b = pair(network)
    network.lose = lambda sent: True
    network.send(a, A_TO_B)
    network.deliver(network.transcript[-1].data, a.endpoint, b)
    response = network.transcript[-1].data
    mallory = Device(WireGuardPrivateKey(bytes([5]) * 32), SeededEntropy(5))
    mallory.add_peer(a.private.public, endpoint=a.endpoint, now=network.now)
    forged = bytearray(response)
    forged[12:44] = bytes([7]) * 32
    stamped = next(iter(mallory.peers)).cookies.stamp(bytes(forged[:60]), network.now)
    network.deliver(stamped, ELSEWHERE, a)
    assert a.device.counters.bad_handshake == 1
    network.deliver(response, b.endpoint, a)
    assert isinstance(a.events[-1], HandshakeCompleted)


def test_an_altered_packet_is_dropped_and_does_not_use_up_its_counter(network: Network) -> None:
    a, b = connected(network)
    network.lose = lambda sent: True
    network.send(a, A_TO_B)
    data = network.transcript[-1].data
    network.deliver(data[:-1] + bytes([data[-1] ^ 1]), a.endpoint, b)
    assert b.device.counters.bad_tag == 1
    network.deliver(data, a.endpoint, b)
    assert b.received == [A_TO_B, A_TO_B]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x01", b"\x05\0\0\0", b"\x04\0\0\0" + bytes(27), b"\x01\0\0\0" + bytes(143)],
)
def test_what_is_no_message_is_counted(network: Network, data: bytes) -> None:
    _, b = connected(network)
    network.deliver(data, ELSEWHERE, b)
    assert b.device.counters.malformed == 1
    assert len(network.transcript) == 3


def test_messages_for_unknown_indices_are_counted(network: Network) -> None:
    _, b = pair(network)
    network.deliver(b"\x04\0\0\0" + bytes(28), ELSEWHERE, b)
    network.deliver(b"\x03\0\0\0" + bytes(60), ELSEWHERE, b)
    assert b.device.counters.unknown_index == 2
    assert network.transcript == []


# --- cryptokey routing


def inject(network: Network, sender: Node, packet: bytes) -> None:
    """Send a packet under the session of ``sender`` without its own checks."""
    peer = next(iter(sender.device.peers))
    session = peer.keypairs.current
    assert session is not None
    assert peer.endpoint is not None
    target = next(node for node in network.nodes if node.endpoint == peer.endpoint)
    network.deliver(session.seal(packet, 1420), sender.endpoint, target)


def test_a_spoofed_inner_source_is_dropped(network: Network) -> None:
    a, b = connected(network)
    inject(network, a, ip_packet("10.0.0.3", "10.0.0.2"))
    inject(network, a, ip_packet("fd00::3", "fd00::2"))
    assert b.received == [A_TO_B]
    assert b.device.counters.bad_source == 2


@pytest.mark.parametrize(
    "inside",
    [b"\x45" + bytes(15), b"\0" * 32, A_TO_B[:2] + b"\xff\xff" + A_TO_B[4:], b"\x60" + bytes(39)],
)
def test_what_is_no_ip_packet_inside_is_dropped(network: Network, inside: bytes) -> None:
    a, b = connected(network)
    inject(network, a, inside)
    assert b.received == [A_TO_B]
    assert b.device.counters.bad_packet + b.device.counters.bad_source == 1


def test_packets_for_nobody_are_counted(network: Network) -> None:
    a, _ = connected(network)
    network.send(a, ip_packet("10.0.0.1", "10.9.9.9"))
    network.send(a, b"")
    network.send(a, b"\x45nonsense")
    assert a.device.counters.no_route == 3


def test_padding_hides_the_length_but_never_exceeds_the_mtu(network: Network) -> None:
    a, b = connected(network)
    for size in (1, 100, 1400, 1420):
        network.send(a, ip_packet("10.0.0.1", "10.0.0.2", bytes(size - 20) if size > 20 else b"x"))
    network.run(0.1)
    sizes = [len(sent.data) - 32 for sent in network.transcript[-4:]]
    assert sizes == [32, 112, 1408, 1420]
    assert [len(packet) for packet in b.received[1:]] == [21, 100, 1400, 1420]


# --- roaming


def test_a_peer_that_moves_is_followed(network: Network) -> None:
    a, b = connected(network)
    a.endpoint = ELSEWHERE
    network.send(a, A_TO_B)
    network.run(0.1)
    assert [peer.endpoint for peer in b.device.peers] == [ELSEWHERE]
    assert EndpointRoamed(a.private.public, ELSEWHERE) in b.events
    network.send(b, B_TO_A)
    network.run(0.1)
    assert a.received == [B_TO_A]


def test_a_packet_that_does_not_open_moves_nothing(network: Network) -> None:
    a, b = connected(network)
    network.deliver(network.transcript[-1].data[:-1] + b"\0", ELSEWHERE, b)
    network.deliver(network.transcript[-1].data, ELSEWHERE, b)
    assert [peer.endpoint for peer in b.device.peers] == [a.endpoint]


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


# --- under load


def flood(network: Network, target: Node) -> None:
    """Replay one initiation with a valid mac1 until the target is under load."""
    network.lose = lambda sent: True
    stranger = Device(WireGuardPrivateKey(bytes([6]) * 32), SeededEntropy(6))
    stranger.add_peer(target.private.public, endpoint=target.endpoint, keepalive_s=1, now=0.0)
    stranger.handle_timeout(network.now, network.unix)
    initiation = stranger.poll_transmit()
    assert initiation is not None
    while not target.device.counters.cookies_sent:
        network.deliver(initiation[0], ELSEWHERE, target)
    network.lose = lambda sent: False


def test_under_load_a_cookie_must_come_back_before_the_handshake_goes_on(
    network: Network,
) -> None:
    a, b = pair(network)
    flood(network, b)
    since = network.now
    network.transcript.clear()
    network.send(a, A_TO_B)
    network.run(1.0)
    assert network.said(since) == ["a: initiation", "b: cookie"]
    network.run(3.0)
    flood(network, b)
    network.run(1.5)
    assert b.received == [A_TO_B]


def test_a_cookie_reply_is_smaller_than_what_it_answers(network: Network) -> None:
    _, b = pair(network)
    flood(network, b)
    cookies = [sent for sent in network.transcript if sent.what == "cookie"]
    assert {len(sent.data) for sent in cookies} == {64}


def test_the_load_passes_after_a_second(network: Network) -> None:
    a, b = pair(network)
    flood(network, b)
    network.run(1.1)
    network.send(a, A_TO_B)
    network.run(0.1)
    assert b.received == [A_TO_B]


def test_packets_cross_a_network_that_loses_a_third(network: Network) -> None:
    a, b = pair(network)

    def lossy(sent: Sent) -> bool:
        return zlib.crc32(sent.data) % 3 == 0

    network.lose = lossy
    for _ in range(300):
        network.send(a, A_TO_B)
        network.send(b, B_TO_A)
        network.run(1.0)
    assert len(a.received) > 150
    assert len(b.received) > 150
