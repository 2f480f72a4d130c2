"""Small packets that a TUN has in a row, on their way through two pumps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.engine.offload.headers import ACK, SYN, TCP, UDP
from meshdht.engine.offload.virtio import PLAIN
from tests.engine.offload.packets import Packet
from tests.engine.offload.strategies import whole_header_of
from tests.engine.pumps import Sides, connect, pair, received


@pytest.fixture
def sides(request: pytest.FixtureRequest) -> Iterator[Sides]:
    """What comes to the second is joined only if a test says so."""
    with pair(joins=getattr(request, "param", False)) as both:
        yield both


@pytest.mark.parametrize("sides", [True], indirect=True)
def test_many_leave_in_trains(sides: Sides) -> None:
    a, b = sides
    connect(sides)
    packets = [Packet(protocol=UDP, payload=bytes([n]) * 64).raw for n in range(20)]
    for packet in packets:
        a.tun.give(packet)
    a.pump.read_tun()
    buffer = memoryview(bytearray(65536))
    arrived = [b.socket.receive_into(buffer) for _ in range(2)]
    # The first goes on its way at once.
    assert [each and each[:2] for each in arrived] == [(128, 128), (19 * 128, 128)]


small = st.builds(
    Packet,
    version=st.sampled_from([4, 4, 4, 6]),
    protocol=st.sampled_from([UDP, UDP, TCP]),
    payload=st.sampled_from([bytes(64), bytes(64), b"of another size"]),
    traffic_class=st.sampled_from([0, 0, 0, 2]),
    flags=st.sampled_from([ACK, ACK, ACK, SYN | ACK]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(small, st.integers(1, 12), st.booleans()), min_size=1, max_size=6))
def test_all_kinds_arrive_as_they_were_and_in_order(
    groups: list[tuple[Packet, int, bool]],
) -> None:
    with pair(joins=False) as sides:
        a, b = sides
        connect(sides)
        expected: list[bytes] = []
        for packet, count, is_complete in groups:
            for number in range(count):
                each = replace(packet, identification=number, sequence=len(expected))
                expected.append(PLAIN + each.raw)
                left = each.partial, whole_header_of(each).pack()
                a.tun.give(*((each.raw,) if is_complete else left))
        assert [received(sides, b) for _ in expected] == expected
        (peer,) = a.device.peers
        assert peer.tx_bytes >= sum(map(len, expected))


def test_those_to_nobody_are_counted_each(sides: Sides) -> None:
    a, _ = sides
    connect(sides)
    for _ in range(9):
        a.tun.give(Packet(protocol=UDP, target=bytes([10, 0, 0, 9])).raw)
    a.pump.read_tun()
    assert a.device.counters.no_route == 9


def test_they_wait_for_the_handshake(sides: Sides) -> None:
    a, b = sides
    packets = [Packet(protocol=UDP, payload=bytes([n]) * 64).raw for n in range(9)]
    for packet in packets:
        a.tun.give(packet)
    assert [received(sides, b) for _ in packets] == [PLAIN + each for each in packets]
