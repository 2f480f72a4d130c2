"""Transcripts of a device under attack, and of peers that move."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.wireguard.device import Device
from meshdht.wireguard.events import EndpointRoamed, HandshakeCompleted
from tests.wireguard.network import (
    A_TO_B,
    B_TO_A,
    ELSEWHERE,
    Network,
    Sent,
    connected,
    flood,
    inject,
    ip_packet,
    pair,
)


@pytest.fixture
def network() -> Network:
    return Network()


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


@given(st.sampled_from([b"", b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0", b"\4\0\0\0"]), st.data())
def test_any_bytes_meet_silence(head: bytes, data: st.DataObject) -> None:
    network = Network()
    _, b = connected(network)
    (index, *_) = b.device._indices.entries
    receiver = data.draw(st.sampled_from([b"", index.to_bytes(4, "little")]))
    size = data.draw(st.sampled_from([0, 31, 32, 64, 92, 148]) | st.integers(0, 200))
    junk = (head + receiver + data.draw(st.binary(min_size=size, max_size=size)))[:size]
    network.deliver(junk, ELSEWHERE, b)
    assert len(network.transcript) == 3
    assert b.received == [A_TO_B]


# --- cryptokey routing


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


# --- under load


def test_under_load_a_cookie_must_come_back_before_the_handshake_goes_on(
    network: Network,
) -> None:
    a, b = pair(network)
    flood(network, b)
    since = network.now
    network.transcript.clear()
    network.send(a, A_TO_B)
    network.run(0.2)
    assert network.said(since) == ["a: initiation", "b: cookie"]
    flood(network, b)
    network.run(0.5)
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
