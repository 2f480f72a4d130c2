"""Merging what arrived together, against the plain judgement of one packet after the other."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.engine.offload import coalesce, segment, virtio
from meshdht.engine.offload.checksum import Bytes
from meshdht.engine.offload.headers import ACK, CWR, ECE, FIN, PSH, RST, SYN, TCP, UDP, URG
from tests.engine.offload import gro
from tests.engine.offload.packets import HOP_BY_HOP, Packet, internet_checksum, segments
from tests.engine.offload.strategies import flows, header_of, payloads, untimed

OPTIONS = b"\x01\x01\x08\x0a" + bytes(8)
OUT = virtio.HEADER_SIZE + coalesce.PACKET_MAX


def train(raws: list[bytes], gap: int = 7) -> tuple[Bytes, list[int]]:
    """The packets as rows of a matrix with other bytes after each."""
    width = max(map(len, raws))
    whole = np.full((len(raws), width + gap), 0xA5, np.uint8)
    for row, raw in zip(whole, raws, strict=True):
        row[: len(raw)] = np.frombuffer(raw, np.uint8)
    return whole[:, :width], [len(raw) for raw in raws]


def runs(raws: list[bytes], udp: bool = True) -> list[coalesce.Run]:
    return coalesce.runs(*train(raws), udp)


def merged(raws: list[bytes], run: coalesce.Run) -> tuple[virtio.Header, bytes]:
    out = memoryview(bytearray(OUT))
    size = coalesce.merge(*train(raws), run, out)
    return virtio.parse(out), bytes(out[virtio.HEADER_SIZE : size])


def stream(count: int, size: int = 1000, start: Packet | None = None) -> list[Packet]:
    """The packets of one flow, in order."""
    start = start or Packet(tcp_options=OPTIONS, identification=65530, sequence=2**32 - 1500)
    return [
        replace(
            start,
            payload=bytes([number + 1]) * size,
            identification=(start.identification + number) & 0xFFFF,
            sequence=(start.sequence + number * size) & 0xFFFFFFFF,
        )
        for number in range(count)
    ]


def raws_of(packets: list[Packet]) -> list[bytes]:
    return [packet.raw for packet in packets]


# --- one flow


@untimed
@given(flows, payloads(1, 20000), st.integers(200, 1500), st.sampled_from([0, PSH, FIN, PSH | FIN]))
def test_what_was_cut_is_merged_into_what_it_was(
    flow: Packet, payload: bytes, gso_size: int, flags: int
) -> None:
    whole = replace(flow, payload=payload, flags=flow.flags | flags)
    if flow.protocol == UDP:
        whole = replace(whole, payload=payload[: gso_size * coalesce.DATAGRAMS_MAX])
    raws = segments(whole, gso_size)
    assert runs(raws) == [(0, len(raws))]
    header, packet = merged(raws, (0, len(raws)))
    if len(raws) == 1:
        assert (header.pack(), packet) == (virtio.PLAIN, whole.raw)
        return
    expected = header_of(whole, gso_size)._replace(hdr_len=whole.header_size)
    assert header == expected
    assert same_but_checksum(packet, whole.partial, whole.transport + whole.checksum_offset)
    plan = segment.plan(memoryview(packet), header)
    again = np.zeros((plan.count, plan.size), np.uint8)
    plan.write(memoryview(packet), again)
    assert [row[: len(raw)].tobytes() for row, raw in zip(again, raws, strict=True)] == raws


def same_but_checksum(one: bytes, other: bytes, at: int) -> bool:
    """Equal, if 0xffff and 0 are the same sum in the field at ``at``."""
    fields = {raw[at : at + 2].replace(b"\xff\xff", b"\0\0") for raw in (one, other)}
    return len(fields) == 1 and one[:at] + one[at + 2 :] == other[:at] + other[at + 2 :]


@untimed
@given(st.sampled_from([4, 6]), st.integers(2, 50))
def test_a_train_of_one_flow_is_one_packet(version: int, count: int) -> None:
    raws = raws_of(stream(count, 1000, Packet(version=version)))
    assert runs(raws) == [(0, count)]


def test_packets_of_one_identification_are_merged_only_if_never_fragmented() -> None:
    for fragment, expected in ((0x4000, [(0, 3)]), (0, [(0, 1), (1, 2), (2, 3)])):
        packets = [replace(each, identification=7, fragment=fragment) for each in stream(3)]
        assert runs(raws_of(packets)) == expected


def test_identifications_that_count_may_not_stop_to() -> None:
    numbers = [5, 6, 6, 6, 7]
    packets = [
        replace(each, identification=number)
        for each, number in zip(stream(5), numbers, strict=True)
    ]
    assert runs(raws_of(packets)) == [(0, 2), (2, 4), (4, 5)]


def test_a_packet_grows_to_64_kib_and_no_further() -> None:
    raws = raws_of(stream(50, 1448, Packet(tcp_options=OPTIONS)))
    assert runs(raws) == [(0, 45), (45, 50)]
    assert runs(raws[:45]) == [(0, 45)]
    assert runs(raws[:46]) == [(0, 45), (45, 46)]
    _, packet = merged(raws, (0, 45))
    assert len(packet) == 45 * 1448 + 52


def test_as_many_datagrams_are_merged_as_every_kernel_cuts() -> None:
    raws = raws_of(stream(70, 100, Packet(protocol=UDP)))
    assert runs(raws) == [(0, 64), (64, 70)]


def test_datagrams_stay_alone_if_the_kernel_does_not_cut_them() -> None:
    raws = raws_of(stream(3, 100, Packet(protocol=UDP)))
    assert runs(raws, udp=False) == [(0, 1), (1, 2), (2, 3)]


def test_the_last_packet_may_be_shorter_and_nothing_follows_it() -> None:
    one, two, *_ = stream(4)
    short = replace(two, payload=b"short")
    after = replace(short, sequence=short.sequence + 5, identification=two.identification + 1)
    longer = replace(after, sequence=after.sequence + 5, payload=bytes(10))
    longer = replace(longer, identification=after.identification + 1)
    raws = raws_of([one, short, replace(after, payload=b"short"), longer])
    assert runs(raws) == [(0, 2), (2, 3), (3, 4)]


@pytest.mark.parametrize("flag", [PSH, FIN])
def test_an_end_is_the_last_of_its_packet(flag: int) -> None:
    packets = stream(5)
    packets[2] = replace(packets[2], flags=ACK | flag)
    raws = raws_of(packets)
    assert runs(raws) == [(0, 3), (3, 5)]
    _, packet = merged(raws, (0, 3))
    assert packet[33] == ACK | flag


@pytest.mark.parametrize(
    "change",
    [
        {"source": b"\x0a\0\0\x63"},
        {"target": b"\x0a\0\0\x63"},
        {"ports": (1, 5201)},
        {"ports": (40000, 1)},
        {"traffic_class": 1},
        {"hops": 63},
        {"fragment": 0},
        {"identification": 4},
        {"ip_options": b"\x01\x01\x01\x00"},
        {"sequence": 4},
        {"acknowledged": 4},
        {"window": 4},
        {"urgent": 4},
        {"tcp_options": b"\x01\x01\x08\x0a" + bytes(7) + b"\1"},
        {"tcp_options": b""},
        {"flags": ACK | SYN},
        {"flags": ACK | RST},
        {"flags": ACK | URG},
        {"flags": ACK | CWR},
        {"flags": ACK | ECE},
        {"payload": b""},
        {"payload": bytes(1001)},
        {"version": 6},
        {"protocol": UDP},
    ],
)
def test_a_packet_that_differs_from_its_neighbours_stays_alone(change: dict[str, Any]) -> None:
    packets = stream(6)
    packets[2] = replace(packets[2], **change)
    assert runs(raws_of(packets)) == [(0, 2), (2, 3), (3, 6)]


@pytest.mark.parametrize("flags", [SYN, ACK | SYN, ACK | RST, ACK | URG, ACK | CWR])
def test_packets_that_are_never_merged_are_not_merged_with_their_like(flags: int) -> None:
    assert runs(raws_of(stream(3, start=Packet(flags=flags)))) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    "start",
    [
        Packet(fragment=0x2000),
        Packet(fragment=0x00B9),
        Packet(ip_options=b"\x01\x01\x01\x00"),
        Packet(version=6, extensions=((HOP_BY_HOP, bytes([0, 0, 1, 4, 0, 0, 0, 0])),)),
    ],
)
def test_fragments_options_and_extensions_are_not_merged(start: Packet) -> None:
    assert runs(raws_of(stream(3, start=start))) == [(0, 1), (1, 2), (2, 3)]


def test_bare_acknowledgements_stay_alone() -> None:
    assert runs([Packet(tcp_options=OPTIONS).raw] * 3) == [(0, 1), (1, 2), (2, 3)]


# --- checksums


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 20])
@pytest.mark.parametrize("start", [Packet(), Packet(version=6), Packet(protocol=UDP)])
@pytest.mark.parametrize("at", [10, 60, -1])
def test_a_packet_with_a_wrong_checksum_stays_alone_as_it_is(
    count: int, start: Packet, at: int
) -> None:
    """Wherever it is in its train, and whichever of both checksums tells."""
    for broken in range(count):
        raws = raws_of(stream(count, 999, start))
        damaged = bytearray(raws[broken])
        damaged[at] ^= 0x10
        raws[broken] = bytes(damaged)
        parts = [(0, broken), (broken, broken + 1), (broken + 1, count)]
        assert runs(raws) == [part for part in parts if part[0] < part[1]]
        assert merged(raws, (broken, broken + 1)) == (virtio.Header(), raws[broken])


def without_payload_sum(packet: Packet) -> Packet:
    """The datagram with two bytes more, by which all of it sums to 0xffff without a checksum."""
    packet = replace(packet, payload=packet.payload + b"\0\0")
    return replace(packet, payload=packet.payload[:-2] + packet.raw[26:28])


def test_a_datagram_without_a_checksum_stays_alone() -> None:
    """Even if it sums to what one with a checksum does."""
    packets = [without_payload_sum(each) for each in stream(4, 10, Packet(protocol=UDP))]
    raws = raws_of(packets)
    assert all(raw[26:28] == b"\xff\xff" for raw in raws)
    assert runs(raws) == [(0, 4)]
    bare = [raw[:26] + b"\0\0" + raw[28:] for raw in raws]
    assert runs([bare[0], raws[1], bare[2], raws[3]]) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_a_datagram_that_is_shorter_than_its_packet_stays_alone() -> None:
    """Even if its checksum is right for the whole packet."""
    packets = stream(4, 10, Packet(protocol=UDP))
    raws = raws_of(packets)
    for row in (0, 2):
        transport = raws[row][20:24] + struct.pack("!HH", 17, 0) + raws[row][28:]
        value = internet_checksum(packets[row].pseudo_header(18) + transport)
        raws[row] = raws[row][:20] + transport[:6] + struct.pack("!H", value) + transport[8:]
    assert runs(raws) == [(0, 1), (1, 2), (2, 3), (3, 4)]


# --- anything


trains = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([0, 0, 0, PSH, FIN, SYN, CWR]),
        st.sampled_from([100, 100, 100, 40, 101, 0]),
        st.sampled_from([0, 0, 0, 0, 1, 500]),
        st.sampled_from([1, 1, 1, 0, 2]),
    ),
    min_size=1,
    max_size=40,
)


def mixed(start: list[Packet], steps: list[tuple[int, int, int, int, int]]) -> list[bytes]:
    """Three flows in any order, with gaps in their sequences."""
    flows, raws = list(start), []
    for number, flags, size, gap, step in steps:
        flow = flows[number]
        flow = replace(flow, sequence=(flow.sequence + gap) & 0xFFFFFFFF, payload=bytes(size))
        raws.append(replace(flow, flags=flow.flags | flags).raw)
        flows[number] = replace(
            flow,
            sequence=(flow.sequence + size) & 0xFFFFFFFF,
            identification=(flow.identification + step) & 0xFFFF,
        )
    return raws


@untimed
@given(st.lists(flows, min_size=3, max_size=3), trains, st.booleans())
def test_any_train_is_judged_as_one_by_one(
    start: list[Packet], steps: list[tuple[int, int, int, int, int]], udp: bool
) -> None:
    raws = mixed(start, steps)
    assert runs(raws, udp) == gro.runs(raws, udp)


changes = st.fixed_dictionaries(
    {},
    optional={
        "flags": st.sampled_from([ACK | PSH, ACK | FIN, ACK | CWR, ACK | ECE]),
        "payload": st.sampled_from([b"", bytes(99), bytes(100), bytes(101)]),
        "sequence": st.integers(0, 2**32 - 1),
        "identification": st.integers(0, 2**16 - 1),
        "window": st.just(4),
    },
)


@untimed
@given(flows, st.integers(2, 70), st.lists(st.tuples(st.integers(0, 69), changes), max_size=2))
def test_a_train_of_one_flow_with_exceptions_is_judged_as_one_by_one(
    start: Packet, count: int, exceptions: list[tuple[int, dict[str, Any]]]
) -> None:
    packets = stream(count, 100, start)
    for row, change in exceptions:
        packets[row % count] = replace(packets[row % count], **change)
    raws = raws_of(packets)
    assert runs(raws) == gro.runs(raws, udp=True)


@pytest.mark.parametrize(
    "change",
    [
        {"payload": b""},
        {"payload": bytes(1001)},
        {"payload": b"short"},
        {"flags": ACK | PSH},
        {"flags": ACK | PSH, "payload": b"short"},
        {"identification": 4},
        {"sequence": 4},
    ],
)
@pytest.mark.parametrize("row", [0, 1, 10, 18, 19])
@pytest.mark.parametrize("version", [4, 6])
def test_one_exception_in_a_long_train_is_seen(
    change: dict[str, Any], row: int, version: int
) -> None:
    packets = stream(20, 1000, Packet(version=version, tcp_options=OPTIONS))
    packets[row] = replace(packets[row], **change)
    raws = raws_of(packets)
    assert runs(raws) == gro.runs(raws, udp=True)


@untimed
@given(
    st.lists(flows, min_size=3, max_size=3),
    trains,
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 159), st.integers(1, 255)), max_size=9),
)
def test_damage_is_never_merged_and_all_packets_are_handed_on(
    start: list[Packet], steps: list[tuple[int, int, int, int, int]], damage: list[tuple[int, ...]]
) -> None:
    raws = mixed(start, steps)
    for row, at, value in damage:
        if row < len(raws) and at < len(raws[row]):
            raws[row] = raws[row][:at] + bytes([raws[row][at] ^ value]) + raws[row][at + 1 :]
    found = runs(raws)
    assert [row for run in found for row in range(*run)] == list(range(len(raws)))
    for begin, end in found:
        assert gro.runs(raws[begin:end], udp=True) == [(0, end - begin)]


@untimed
@given(st.lists(st.binary(min_size=20, max_size=120), min_size=1, max_size=20))
def test_noise_is_handed_on_as_it_is(raws: list[bytes]) -> None:
    assert runs(raws) == [(row, row + 1) for row in range(len(raws))]


def test_a_train_of_nothing_has_no_runs() -> None:
    assert coalesce.runs(np.zeros((0, 100), np.uint8), [], True) == []


def test_nothing_is_written_beyond_the_merged_packet() -> None:
    raws = raws_of(stream(3))
    out = np.full(OUT, 0xA5, np.uint8)
    size = coalesce.merge(*train(raws), (0, 3), out.data)
    assert size == virtio.HEADER_SIZE + 52 + 3000
    assert (out[size:] == 0xA5).all()


def test_tcp_is_known_from_udp() -> None:
    """The kinds of header that the virtio header names."""
    for version, protocol, kind in (
        (4, TCP, virtio.GSO_TCPV4),
        (6, TCP, virtio.GSO_TCPV6),
        (4, UDP, virtio.GSO_UDP_L4),
        (6, UDP, virtio.GSO_UDP_L4),
    ):
        raws = raws_of(stream(2, 100, Packet(version=version, protocol=protocol)))
        assert merged(raws, (0, 2))[0].gso_type == kind
