"""What two readings of the counters say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.engine.kernel_dump import KernelPeer
from meshdht.engine.kernel_news import Watched, news
from meshdht.wireguard.events import (
    DeviceEvent,
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeWanted,
)

KEY = WireGuardPrivateKey(bytes([1]) * 32).public
HOME, AWAY = Endpoint("192.0.2.1", 51820), Endpoint("192.0.2.2", 51820)
UNIX = 1_800_000_000.0


class Reader:
    """Reads one peer again and again; ``now`` counts from UNIX."""

    def __init__(self, peer: KernelPeer) -> None:
        self.peer = peer
        self.watched = Watched()

    def read(self, now: float, *, ahead: float = 0.0, **changed: Any) -> list[DeviceEvent]:
        self.peer = replace(self.peer, **changed)
        return list(news(self.watched, self.peer, now=now, unix=UNIX + now, ahead=ahead))


def idle() -> Reader:
    """A peer with a session, seen once."""
    reader = Reader(KernelPeer(KEY, endpoint=HOME, handshake=UNIX - 1, rx_bytes=100, tx_bytes=100))
    reader.read(0)
    return reader


def test_a_session_that_lasts_from_before_is_told_as_a_handshake() -> None:
    reader = Reader(KernelPeer(KEY, endpoint=HOME, handshake=UNIX - 100, rx_bytes=9, tx_bytes=9))
    assert reader.read(0) == [HandshakeCompleted(KEY, HOME, UNIX - 100)]
    assert reader.read(2) == []


def test_a_session_that_is_over_tells_nothing_of_where_the_peer_is() -> None:
    reader = Reader(KernelPeer(KEY, endpoint=HOME, handshake=UNIX - 181, rx_bytes=9, tx_bytes=9))
    assert reader.read(0) == []


def test_a_new_handshake_is_told_by_the_events_clock() -> None:
    reader = idle()
    assert reader.read(2, handshake=UNIX + 1, rx_bytes=192, ahead=50) == [
        HandshakeCompleted(KEY, HOME, UNIX + 51)
    ]


def test_traffic_both_ways_is_no_news() -> None:
    reader = idle()
    for now in range(2, 60, 2):
        assert reader.read(now, rx_bytes=100 + now, tx_bytes=100 + now) == []


def test_a_peer_that_was_heard_from_elsewhere_has_roamed() -> None:
    reader = idle()
    assert reader.read(2, endpoint=AWAY, rx_bytes=200) == [EndpointRoamed(KEY, AWAY)]
    assert reader.read(4) == []


def test_an_endpoint_that_changed_without_a_packet_was_set_and_is_no_news() -> None:
    assert idle().read(2, endpoint=AWAY) == []


def test_sending_without_a_session_is_a_want_at_each_try() -> None:
    reader = Reader(KernelPeer(KEY, endpoint=HOME))
    assert reader.read(0) == []
    assert reader.read(2, tx_bytes=148) == [HandshakeWanted(KEY)]
    assert reader.read(4) == []
    assert reader.read(6, tx_bytes=296) == [HandshakeWanted(KEY)]


def test_a_peer_that_is_silent_for_as_long_as_wireguard_waits_is_wanted() -> None:
    reader = idle()
    tx = 100
    told = {now: reader.read(now, tx_bytes=tx + now) for now in range(2, 24, 2)}
    assert [now for now, events in told.items() if events] == [18, 20, 22]
    assert told[18] == [HandshakeWanted(KEY)]
    assert reader.read(24, rx_bytes=132, tx_bytes=200) == []
    assert reader.read(26, tx_bytes=232) == []


def test_what_was_sent_before_the_first_reading_is_no_want() -> None:
    reader = Reader(KernelPeer(KEY, endpoint=HOME, tx_bytes=10_000))
    assert reader.read(0) == []
