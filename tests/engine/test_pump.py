"""The packet path between a TUN and a socket, on the loopback."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from meshdht.engine.offload.headers import SYN, TCP, UDP
from meshdht.engine.offload.virtio import (
    GSO_TCPV4,
    GSO_TCPV6,
    GSO_UDP_L4,
    HEADER_SIZE,
    NEEDS_CSUM,
    PLAIN,
    Header,
    parse,
)
from tests.engine.offload.packets import Packet, segments
from tests.engine.offload.strategies import whole_header_of
from tests.engine.pumps import FakeTun, Side, Sides, connect, pair, received, until
from tests.wireguard.network import A_TO_B, B_TO_A

IP_RECVTOS = 13  # <linux/in.h>


@pytest.fixture
def sides() -> Iterator[Sides]:
    with pair() as both:
        yield both


def frame(packet: Packet, gso_size: int) -> tuple[bytes, bytes]:
    """A packet that is to be cut, and its virtio header."""
    kind = GSO_UDP_L4
    if packet.protocol == TCP:
        kind = GSO_TCPV4 if packet.version == 4 else GSO_TCPV6
    where = packet.transport, packet.checksum_offset
    return packet.partial, Header(NEEDS_CSUM, kind, packet.header_size, gso_size, *where).pack()


def wire(frames: list[bytes]) -> list[bytes]:
    """Frames as the packets that they stand for, cut plainly."""
    packets: list[bytes] = []
    for each in frames:
        header, packet = parse(each), each[HEADER_SIZE:]
        if header.gso_size == 0:
            packets.append(packet)
            continue
        # The payload says which, the headers are those of the first.
        at = header.csum_start + (packet[header.csum_start + 12] >> 4) * 4
        if header.gso_type == GSO_UDP_L4:
            at = header.csum_start + 8
        pieces = range(at, len(packet), header.gso_size)
        packets += [packet[start : start + header.gso_size] for start in pieces]
    return packets


def test_packets_cross_from_tun_to_tun(sides: Sides) -> None:
    a, b = sides
    connect(sides)
    b.tun.give(B_TO_A)
    assert received(sides, a) == PLAIN + B_TO_A


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("size", [1, 1368, 1369, 20_000, 45 * 1368, 60_000])
def test_a_large_packet_arrives_as_it_was(sides: Sides, version: int, size: int) -> None:
    connect(sides)
    a, b = sides
    payload = bytes(n * 7 % 256 for n in range(size))
    packet = Packet(version=version, payload=payload, tcp_options=bytes(12))
    a.tun.give(*frame(packet, 1368))
    got = b""
    while len(got) < size:
        arrived = received(sides, b)
        header = parse(arrived)
        assert header.gso_size in (0, 1368)
        got += arrived[HEADER_SIZE + packet.header_size :]
    assert got == payload


@pytest.mark.parametrize("size", [30_000, 64_000])
def test_a_large_packet_leaves_as_good_segments_where_nothing_is_offloaded(size: int) -> None:
    with pair(segments=False, joins=False) as sides:
        a, b = sides
        connect(sides)
        packet = Packet(payload=bytes(n % 251 for n in range(size)), flags=0x18)
        a.tun.give(*frame(packet, 1380))
        expected = segments(packet, 1380)
        assert [received(sides, b) for _ in expected] == [PLAIN + each for each in expected]


def test_datagrams_of_one_flow_are_cut_and_joined(sides: Sides) -> None:
    a, b = sides
    connect(sides)
    packet = Packet(protocol=UDP, payload=bytes(n % 256 for n in range(20 * 500)))
    a.tun.give(*frame(packet, 500))
    arrived = received(sides, b)
    assert parse(arrived).gso_type == GSO_UDP_L4
    assert arrived[HEADER_SIZE + packet.header_size :] == packet.payload


def test_a_large_packet_waits_for_the_handshake(sides: Sides) -> None:
    a, b = sides
    packet = Packet(payload=bytes(n % 256 for n in range(30_000)))
    a.tun.give(*frame(packet, 1380))
    got: list[bytes] = []
    while sum(map(len, wire(got))) < 30_000:
        got.append(received(sides, b))
        if parse(got[-1]).gso_size == 0:
            got[-1] = PLAIN + got[-1][HEADER_SIZE + packet.header_size :]
    assert b"".join(wire(got)) == packet.payload


def test_a_checksum_that_was_left_to_us_is_completed(sides: Sides) -> None:
    a, b = sides
    connect(sides)
    packet = Packet(protocol=UDP, payload=b"of 27 bytes, an odd number")
    a.tun.give(packet.partial, whole_header_of(packet).pack())
    assert received(sides, b) == PLAIN + packet.raw


def test_a_train_with_a_foreign_source_is_refused(sides: Sides) -> None:
    a, b = sides
    connect(sides)
    spoofed = Packet(payload=bytes(20_000), source=bytes([10, 0, 0, 9]))
    a.tun.give(*frame(spoofed, 1380))
    until(sides, lambda: b.device.counters.bad_source == 15)
    a.tun.give(A_TO_B)
    assert received(sides, b) == PLAIN + A_TO_B


def fields_of(side: Side) -> list[int]:
    """ECN's field of what waits at a socket, without taking it in."""
    found: list[int] = []
    sock = socket.socket(fileno=socket.dup(side.socket.fileno()))
    with sock:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
        while True:
            try:
                _, ancillary, _, _ = sock.recvmsg(65536, 128)
            except BlockingIOError:
                return found
            found += [data[0] for level, _, data in ancillary if level == socket.IPPROTO_IP]


@pytest.mark.parametrize(("inside", "outside"), [(0, 0), (1, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("is_large", [False, True])
def test_what_a_packet_says_of_congestion_is_said_outside(
    sides: Sides, inside: int, outside: int, is_large: bool
) -> None:
    a, b = sides
    connect(sides)
    fields_of(b)  # the kernel tells it of datagrams that come from now on
    packet = Packet(traffic_class=0xB8 | inside, payload=bytes(30_000 if is_large else 100))
    a.tun.give(*(frame(packet, 1380) if is_large else (packet.raw,)))
    a.tun.give(Packet(payload=bytes(100)).raw)
    a.pump.read_tun()
    # What is of the mesh itself leaves unmarked, and so does the packet of who says nothing.
    assert fields_of(b) == [outside, 0]


def marks_what_may_be(side: Side) -> None:
    """Whatever it sends goes through a router that is about to be full."""
    plain = side.socket._marking
    side.socket._marking = lambda ecn: plain(3 if ecn else 0)  # type: ignore[method-assign]


@pytest.mark.parametrize("joins", [True, False])
@pytest.mark.parametrize("version", [4, 6])
def test_a_mark_that_datagrams_got_on_their_way_is_put_on_the_packets(
    version: int, joins: bool
) -> None:
    with pair(joins=joins) as sides:
        a, b = sides
        connect(sides)
        marks_what_may_be(a)

        def arrives_as(traffic_class: int, size: int) -> set[int]:
            packet = Packet(version, traffic_class=traffic_class, payload=bytes(size))
            a.tun.give(*(frame(packet, 1380) if size > 1380 else (packet.raw,)))
            found, left = set(), size
            while left:
                arrived = received(sides, b)[HEADER_SIZE:]
                left -= len(arrived) - packet.header_size
                word = int.from_bytes(arrived[:2], "big")
                found.add(word & 0xFF if version == 4 else word >> 4 & 0xFF)
            return found

        # The first one of who heeds marks tells that they matter.
        assert arrives_as(0xB8 | 2, 100) == {0xB8 | 2}
        assert [arrives_as(0xB8 | field, 100) for field in range(4)] == [
            {0xB8 | field} for field in (0, 3, 3, 3)
        ]
        assert arrives_as(2, 30_000) == {3}
        assert arrives_as(0, 30_000) == {0}


@pytest.mark.parametrize(
    ("packet", "header"),
    [
        (b"", Header(NEEDS_CSUM, GSO_TCPV4, 40, 1380, 20, 16)),
        (b"\x45" * 19, Header(NEEDS_CSUM, GSO_TCPV4, 40, 1380, 20, 16)),
        (A_TO_B, Header(NEEDS_CSUM, GSO_TCPV4, 40, 0, 20, 16)),
        (A_TO_B, Header(NEEDS_CSUM, GSO_TCPV6, 40, 1380, 20, 16)),
        (A_TO_B, Header(NEEDS_CSUM, 77, 40, 1380, 20, 16)),
        (A_TO_B, Header(NEEDS_CSUM, csum_start=60_000, csum_offset=16)),
    ],
)
def test_a_header_that_lies_is_counted(sides: Sides, packet: bytes, header: Header) -> None:
    a, b = sides
    connect(sides)
    a.tun.give(packet, header.pack())
    until(sides, lambda: a.pump.counters.tun_malformed == 1)
    a.tun.give(A_TO_B)
    assert received(sides, b) == PLAIN + A_TO_B


def test_malformed_packets_of_this_machine_are_counted(sides: Sides) -> None:
    a, b = sides
    connect(sides)
    for junk in (b"\0", b"\x45" * 19, b"\x60" * 39):
        a.tun.give(junk)
    a.tun.give(A_TO_B)
    assert received(sides, b) == PLAIN + A_TO_B
    assert a.device.counters.no_route == 3


@pytest.mark.parametrize("each", [b"\xc8" * 40, b"\xff", b""])
def test_what_is_not_wireguards_is_handed_over_one_by_one(sides: Sides, each: bytes) -> None:
    _, b = sides
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(b.endpoint)
        for _ in range(3):
            stranger.send(each)
        stranger.setsockopt(socket.IPPROTO_UDP, 103, 40)
        stranger.send(b"\xc8" * 100)
    until(sides, lambda: sum(map(len, b.control)) == 100 + (120 if len(each) == 40 else 0))
    whole = [b"\xc8" * 40] * 2 + [b"\xc8" * 20]
    assert b.control == ([] if each == b"\xff" else [each] * 3) + whole


@pytest.mark.parametrize("code", [errno.ENOBUFS, errno.EIO, errno.EINVAL])
def test_a_packet_that_the_kernel_refuses_is_dropped(sides: Sides, code: int) -> None:
    a, b = sides
    connect(sides)
    b.tun.failure = code
    a.tun.give(A_TO_B)
    until(sides, lambda: b.pump.counters.tun_write_failed == 1)
    b.tun.failure = 0
    a.tun.give(A_TO_B)
    assert received(sides, b) == PLAIN + A_TO_B
    assert b.tuns_lost == 0


def test_a_vanished_tun_is_reported_once_and_can_be_replaced(sides: Sides) -> None:
    a, b = sides
    connect(sides)
    b.tun.failure = errno.EBADFD
    for _ in range(3):
        a.tun.give(A_TO_B)
    until(sides, lambda: b.pump.counters.tun_write_failed == 3)
    assert (b.tuns_lost, b.pump.counters.tun_lost) == (1, 1)
    b.tun.close()
    b.tun = FakeTun()
    b.pump.attach(b.tun, takes_uso=False)
    connect(sides)
    b.tun.give(B_TO_A)
    assert received(sides, a) == PLAIN + B_TO_A


def test_a_tun_that_fails_while_reading_is_lost(sides: Sides) -> None:
    _, b = sides
    connect(sides)
    b.tun.failure = errno.EBADFD
    b.tun.give(B_TO_A)
    until(sides, lambda: b.tuns_lost == 1)
    assert b.pump.counters.tun_read_failed == 1


def test_what_cannot_be_sent_is_counted(sides: Sides) -> None:
    a, b = sides
    connect(sides)
    (peer,) = a.device.peers
    peer.endpoint = b.endpoint._replace(port=0)
    a.tun.give(A_TO_B)
    until(sides, lambda: a.pump.counters.send_failed == 1)


def test_a_peer_of_a_family_without_a_socket_is_counted(sides: Sides) -> None:
    a, _ = sides
    connect(sides)
    (peer,) = a.device.peers
    peer.endpoint = peer.endpoint and peer.endpoint._replace(host="::1")
    packet = replace(Packet(), payload=bytes(20_000))
    a.tun.give(*frame(packet, 1380))
    until(sides, lambda: a.pump.counters.send_failed >= 1)


@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize("narrow", [0, 1])
def test_a_connection_fits_the_smaller_end_whoever_begins_it(
    sides: Sides, narrow: int, count: int
) -> None:
    a, b = sides
    connect(sides)
    for number, side in enumerate(sides):
        side.device.mtu = 1320 if number == narrow else 9000
    offers = Packet(flags=SYN, tcp_options=b"\x02\x04\x05\xb4")
    fits = replace(offers, tcp_options=b"\x02\x04\x05\x00")
    for number in range(count):
        a.tun.give(replace(offers, sequence=number).raw)
    for number in range(count):
        assert received(sides, b) == PLAIN + replace(fits, sequence=number).raw


def test_a_checksum_that_was_left_to_us_is_complete_in_a_syn_that_is_made_to_fit(
    sides: Sides,
) -> None:
    a, b = sides
    connect(sides)
    offers = Packet(flags=SYN, tcp_options=b"\x02\x04\x05\xb4")
    a.tun.give(offers.partial, whole_header_of(offers).pack())
    fits = replace(offers, tcp_options=b"\x02\x04\x05\x64")
    assert received(sides, b) == PLAIN + fits.raw
