"""The short way of usual packets: it does what the device would do, or nothing at all."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.endpoint import Endpoint
from meshdht.engine.express import Express
from meshdht.engine.offload.headers import ACK, SYN, TCP, UDP
from meshdht.engine.offload.virtio import GSO_TCPV4, NEEDS_CSUM, PLAIN, Header
from meshdht.wireguard.constants import SPECIFICATION
from meshdht.wireguard.events import EndpointRoamed
from tests.engine.offload.packets import DESTINATION, Packet
from tests.engine.offload.strategies import whole_header_of
from tests.wireguard.network import ELSEWHERE, Network, Node, ip_packet

# As the packets of the tests have them: over IPv6 the same bytes four times.
A_INSIDE = ("10.0.0.1", "a00:1:a00:1:a00:1:a00:1")
B_INSIDE = ("10.0.0.2", "a00:2:a00:2:a00:2:a00:2")


class Ends:
    """Two devices with a session, and the short way of both."""

    def __init__(self, *, session: bool = True) -> None:
        self.network = Network()
        self.a = self.network.node("a", *A_INSIDE, endpoint="192.0.2.1:51820")
        self.b = self.network.node("b", *B_INSIDE, endpoint="192.0.2.2:51820")
        self.network.introduce(self.a, self.b)
        self.network.introduce(self.b, self.a)
        if session:
            self.network.send(self.a, ip_packet("10.0.0.1", "10.0.0.2"))
            self.network.run(0.1)
            self.b.received.clear()
        self.sent: list[tuple[bytes, Endpoint]] = []
        self.written: list[bytes] = []

    def way(self, node: Node) -> Express:
        return Express(
            node.device,
            self,
            send=lambda message, to: self.sent.append((message, to)),
            write=lambda header, packet: self.written.append(header + packet),
        )

    def monotonic(self) -> float:
        return self.network.now

    def unix(self) -> float:
        return self.network.unix

    def send(self, packet: bytes, header: bytes = PLAIN) -> bool:
        return self.way(self.a).from_tun(memoryview(bytearray(header + packet)), self.network.now)

    def take(self, message: bytes, source: Endpoint | None = None) -> bool:
        return self.way(self.b).from_socket(message, source or self.a.endpoint, self.network.now)

    def sealed(self, packet: bytes) -> bytes:
        """A message under a's session, whatever the packet is."""
        session = next(iter(self.a.device.peers)).keypairs.current
        assert session is not None
        return session.seal(packet, 1420)


def state(node: Node) -> object:
    """What a packet may change."""
    (peer,) = node.device.peers
    current = peer.keypairs.current
    timers = [getattr(peer.timers, name) for name in peer.timers.__slots__ if name[0] != "_"]
    deadlines = [peer.timers._keepalive_at, peer.timers._handshake_at]
    return (
        asdict(node.device.counters),
        (peer.rx_bytes, peer.tx_bytes, peer.endpoint, timers, deadlines),
        current and (current.sent, current.replay._highest),
        node.device.next_timeout(),
    )


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """IP packets of all kinds, a few of them changed at random places."""
    version = draw(st.sampled_from((4, 6)))
    packet = Packet(
        version=version,
        protocol=draw(st.sampled_from((TCP, UDP))),
        payload=draw(st.binary(max_size=80)),
        traffic_class=draw(st.sampled_from((0, 0xB8, 1, 2, 3))),
        flags=draw(st.sampled_from((ACK, SYN, SYN | ACK))),
        ip_options=draw(st.sampled_from((b"", bytes(4)))) if version == 4 else b"",
        extensions=((DESTINATION, bytes(8)),) if version == 6 and draw(st.booleans()) else (),
    )
    raw = bytearray(packet.raw)
    for at in draw(st.lists(st.integers(0, len(raw) - 1), max_size=2)):
        raw[at] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.integers(0, len(raw)))] if draw(st.booleans()) else raw)


@given(packets())
def test_what_it_sends_is_what_the_device_would_send(packet: bytes) -> None:
    ours, plain = Ends(), Ends()
    if ours.send(packet):
        plain.a.device.handle_packet(packet, plain.network.now, plain.network.unix)
        assert ours.sent == [plain.a.device.poll_transmit()]
    assert state(ours.a) == state(plain.a)


@given(packets())
def test_what_it_takes_arrives_as_by_the_device(packet: bytes) -> None:
    ours, plain = Ends(), Ends()
    message = ours.sealed(packet)
    if ours.take(message):
        plain.network.deliver(message, plain.a.endpoint, plain.b)
        ours.network.collect(ours.b)
        by_device = [PLAIN + each for each in ours.b.received]
        assert ours.written + by_device == [PLAIN + each for each in plain.b.received]
    assert state(ours.b) == state(plain.b)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("size", [8, 64, 1380])
def test_pings_datagrams_and_segments_take_it_both_ways(version: int, size: int) -> None:
    ends = Ends()
    kinds = [Packet(version=version, protocol=UDP, payload=bytes(size)).raw]
    kinds.append(Packet(version=version, payload=bytes(size)).raw)
    ping = bytearray(ip_packet(A_INSIDE[version == 6], B_INSIDE[version == 6], bytes(size)))
    ping[9 if version == 4 else 6] = 1 if version == 4 else 58
    for packet in (*kinds, bytes(ping)):
        assert ends.send(packet)
        message, to = ends.sent.pop()
        assert to == ends.b.endpoint
        assert ends.take(message)
        assert ends.written.pop() == PLAIN + packet


UNUSUAL = {
    "a SYN": Packet(flags=SYN),
    "a SYN over IPv6": Packet(version=6, flags=SYN),
    "marked packets": Packet(traffic_class=2, protocol=UDP),
    "marked packets over IPv6": Packet(version=6, traffic_class=1, protocol=UDP),
    "options": Packet(ip_options=bytes(4)),
    "extension headers": Packet(version=6, extensions=((DESTINATION, bytes(8)),)),
    "who is no peer": Packet(target=b"\x0a\x00\x00\x63"),
}


@pytest.mark.parametrize("packet", UNUSUAL.values(), ids=UNUSUAL)
def test_it_leaves_to_others(packet: Packet) -> None:
    ends = Ends()
    before = state(ends.a)
    assert not ends.send(packet.raw)
    assert (ends.sent, state(ends.a)) == ([], before)


@pytest.mark.parametrize("packet", list(UNUSUAL.values())[:-1], ids=list(UNUSUAL)[:-1])
def test_what_is_unusual_inside_a_message_comes_out_of_the_device(packet: Packet) -> None:
    ends = Ends()
    assert ends.take(ends.sealed(packet.raw))
    assert ends.written == []
    assert ends.b.device.poll_packet() == packet.raw


def test_nothing_is_sent_without_a_session_or_under_an_old_one() -> None:
    packet = Packet(protocol=UDP).raw
    ends = Ends(session=False)
    assert not ends.send(packet)
    ends = Ends()
    ends.network.now += SPECIFICATION.reject_after_time
    assert not ends.send(packet)
    assert not ends.take(ends.sealed(packet))
    assert ends.sent == []


def test_a_checksum_that_was_left_to_it_is_completed() -> None:
    ends = Ends()
    packet = Packet(protocol=UDP, payload=b"of 27 bytes, an odd number")
    assert ends.send(packet.partial, whole_header_of(packet).pack())
    assert ends.take(ends.sent[0][0])
    assert ends.written == [PLAIN + packet.raw]


@pytest.mark.parametrize(
    "header",
    [
        Header(NEEDS_CSUM, csum_start=20, csum_offset=20_000),
        Header(NEEDS_CSUM, GSO_TCPV4, 40, 1380, 20, 16),
        Header(gso_type=9),
    ],
)
def test_a_header_that_does_not_fit_or_asks_for_more_is_left_to_others(header: Header) -> None:
    ends = Ends()
    frame = bytearray(header.pack() + Packet(payload=bytes(2000)).partial)
    before = bytes(frame)
    assert not ends.way(ends.a).from_tun(memoryview(frame), ends.network.now)
    assert (bytes(frame), ends.sent) == (before, [])


def test_a_replayed_message_is_counted_once_and_dropped() -> None:
    ends = Ends()
    message = ends.sealed(Packet(protocol=UDP).raw)
    assert ends.take(message)
    assert ends.take(message)
    assert len(ends.written) == 1
    assert ends.b.device.counters.replayed == 1


def test_forged_messages_keepalives_and_others_datagrams_are_left_to_the_device() -> None:
    ends = Ends()
    message = bytearray(ends.sealed(Packet(protocol=UDP).raw))
    message[-1] ^= 1
    before = state(ends.b)
    for datagram in (bytes(message), ends.sealed(b""), b"", b"\xff", b"\4\0\0\0", bytes(100)):
        assert not ends.take(datagram)
    assert (ends.written, state(ends.b)) == ([], before)


def test_a_spoofed_inner_source_is_counted_and_goes_nowhere() -> None:
    ends = Ends()
    assert ends.take(ends.sealed(Packet(source=b"\x0a\x00\x00\x63", protocol=UDP).raw))
    assert ends.written == []
    assert ends.b.device.poll_packet() is None
    assert ends.b.device.counters.bad_source == 1


def test_who_sends_from_elsewhere_has_moved_there() -> None:
    ends = Ends()
    ends.b.events.clear()
    assert ends.take(ends.sealed(Packet(protocol=UDP).raw), ELSEWHERE)
    ends.network.collect(ends.b)
    assert ends.b.events == [EndpointRoamed(ends.a.private.public, ELSEWHERE)]


def test_the_first_message_under_a_new_session_is_left_to_the_device() -> None:
    """It confirms the session, and what waited for that goes out."""
    ends = Ends(session=False)
    network = ends.network
    network.send(ends.a, Packet(protocol=UDP).raw)
    network.lose = lambda sent: sent.what == "data"
    network.run(0.1)
    data = next(sent.data for sent in network.transcript if sent.what == "data")
    assert not ends.take(data)
    network.deliver(data, ends.a.endpoint, ends.b)
    assert ends.take(ends.sealed(Packet(protocol=UDP).raw))
