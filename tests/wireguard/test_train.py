"""Many messages at once do what each of them would do alone."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.wireguard.device import Device
from meshdht.wireguard.messages import OVERHEAD, TRANSPORT_HEADER_SIZE
from meshdht.wireguard.session import padded_size
from meshdht.wireguard.train import Opened, Train, receive, seal
from tests.wireguard.network import ip_packet

NOW, UNIX = 1.0, 1_700_000_000.0
A_IS, B_IS = Endpoint("192.0.2.1", 1), Endpoint("192.0.2.2", 2)
Packets = list[bytes]


class Pair:
    """Two devices with a session, which ``a`` made."""

    def __init__(self) -> None:
        keys = [WireGuardPrivateKey(bytes([number]) * 32) for number in (1, 2)]
        self.a, self.b = (Device(key, SeededEntropy(1), mtu=1420) for key in keys)
        inside = [[ip_network(f"10.0.0.{n}/32"), ip_network(f"fd00::{n}/128")] for n in (1, 2)]
        self.a.add_peer(keys[1].public, allowed_ips=inside[1], endpoint=B_IS, now=NOW)
        self.b.add_peer(keys[0].public, allowed_ips=inside[0], endpoint=A_IS, now=NOW)
        self.a.handle_packet(ip_packet("10.0.0.1", "10.0.0.2"), NOW, UNIX)
        for _ in range(2):
            self._carry(self.a, A_IS, self.b)
            self._carry(self.b, B_IS, self.a)
        assert self.b.poll_packet()

    @staticmethod
    def _carry(sender: Device, address: Endpoint, receiver: Device) -> None:
        while (transmit := sender.poll_transmit()) is not None:
            receiver.handle_datagram(transmit[0], address, NOW, UNIX)

    def sealed(self, packets: Packets) -> tuple[bytearray, int]:
        """A train of packets of one size, the last may be shorter; and its stride."""
        (peer,) = self.a.peers
        session = self.a.sending(peer, NOW)
        assert session is not None
        padded, last = (padded_size(len(each), 1420) for each in (packets[0], packets[-1]))
        stride = padded + OVERHEAD
        train = Train(len(packets) * stride)
        for number, packet in enumerate(packets):
            start = number * stride + TRANSPORT_HEADER_SIZE
            train.view[start : start + len(packet)] = packet
        seal(train, session, len(packets), stride, last + OVERHEAD)
        size = (len(packets) - 1) * stride + last + OVERHEAD
        return bytearray(train.view[:size]), stride

    def opened(self, data: bytes | bytearray, stride: int) -> Packets | None:
        train = Train(len(data) + stride)
        train.view[: len(data)] = data
        got = receive(self.b, train, len(data), stride, A_IS, NOW, UNIX)
        return None if got is None else packets_of(got)


def packets_of(opened: Opened) -> Packets:
    pairs = zip(opened.rows, opened.lengths, strict=True)
    return [row[:length].tobytes() for row, length in pairs]


def packets(
    count: int, size: int = 100, last: int | None = None, *, source: str = "10.0.0.1"
) -> Packets:
    target = "fd00::2" if ":" in source else "10.0.0.2"
    sizes = [size] * (count - 1) + [size if last is None else last]
    return [ip_packet(source, target, bytes([n % 256]) * each) for n, each in enumerate(sizes)]


@pytest.fixture
def pair() -> Pair:
    return Pair()


@given(
    count=st.integers(4, 60),
    size=st.integers(1, 1380),
    last=st.integers(0, 1380),
    source=st.sampled_from(["10.0.0.1", "fd00::1"]),
)
def test_what_was_sealed_opens(count: int, size: int, last: int, source: str) -> None:
    sent = packets(count, size, min(size, last), source=source)
    pair = Pair()
    assert pair.opened(*pair.sealed(sent)) == sent


def test_a_train_is_made_of_plain_transport_messages(pair: Pair) -> None:
    sent = packets(5, 100, 30)
    data, stride = pair.sealed(sent)
    for start in range(0, len(data), stride):
        pair.b.handle_datagram(bytes(data[start : start + stride]), A_IS, NOW, UNIX)
    assert [pair.b.poll_packet() for _ in sent] == sent


def test_the_bytes_are_accounted_for(pair: Pair) -> None:
    (peer,) = pair.b.peers
    before = peer.rx_bytes
    data, stride = pair.sealed(packets(9))
    pair.opened(data, stride)
    assert peer.rx_bytes == before + len(data)


@pytest.mark.parametrize("bad", [[0], [4], [8], [0, 1, 8], list(range(9))])
def test_messages_that_were_altered_are_left_out(pair: Pair, bad: list[int]) -> None:
    sent = packets(9, 100, 40)
    data, stride = pair.sealed(sent)
    for number in bad:
        data[number * stride + 20] ^= 1
    assert pair.opened(data, stride) == [p for n, p in enumerate(sent) if n not in bad]
    assert pair.b.counters.bad_tag == len(bad)
    # What was altered took nothing from what is genuine.
    data, stride = pair.sealed(sent)
    assert pair.opened(data, stride) == sent


def test_a_train_that_comes_again_is_refused(pair: Pair) -> None:
    data, stride = pair.sealed(packets(9))
    pair.opened(data, stride)
    assert pair.opened(data, stride) == []
    assert pair.b.counters.replayed == 9


def test_messages_may_come_in_any_order_and_some_twice(pair: Pair) -> None:
    sent = packets(6)
    data, stride = pair.sealed(sent)
    order = [3, 1, 1, 5, 0, 3, 2, 4]
    mixed = b"".join(data[n * stride : (n + 1) * stride] for n in order)
    assert pair.opened(mixed, stride) == [sent[n] for n in (3, 1, 5, 0, 2, 4)]
    assert pair.b.counters.replayed == 2


def test_an_earlier_train_is_taken_after_a_later_one(pair: Pair) -> None:
    first, second = pair.sealed(packets(5)), pair.sealed(packets(5))
    assert len(pair.opened(*second) or []) == 5
    assert len(pair.opened(*first) or []) == 5


def test_packets_from_foreign_addresses_are_left_out(pair: Pair) -> None:
    sent = packets(6)
    sent[2] = ip_packet("10.0.0.9", "10.0.0.2", bytes(100))
    assert pair.opened(*pair.sealed(sent)) == sent[:2] + sent[3:]
    assert pair.b.counters.bad_source == 1
    assert pair.opened(*pair.sealed(packets(5, source="10.0.0.9"))) == []
    assert pair.b.counters.bad_source == 6


def test_what_is_no_packet_is_left_out(pair: Pair) -> None:
    sent = packets(6)
    sent[0] = bytes(120)
    sent[3] = sent[3][:2] + b"\xff\xff" + sent[3][4:]
    assert pair.opened(*pair.sealed(sent)) == sent[1:3] + sent[4:]
    assert pair.b.counters.bad_packet == 2


def test_both_families_in_one_train_are_told_apart(pair: Pair) -> None:
    sent = packets(6)
    sent[1] = ip_packet("fd00::1", "fd00::2", bytes(80))
    assert pair.opened(*pair.sealed(sent)) == sent


def test_keepalives_count_and_carry_nothing(pair: Pair) -> None:
    (peer,) = pair.b.peers
    before = peer.rx_bytes
    data, stride = pair.sealed(packets(5))
    (sender,) = pair.a.peers
    session = pair.a.sending(sender, NOW)
    assert session is not None
    assert pair.opened(data + session.seal(b"", 1420), stride) == packets(5)
    assert peer.rx_bytes == before + len(data) + 32


def test_a_train_of_two_sessions_is_left_to_the_device(pair: Pair) -> None:
    data, stride = pair.sealed(packets(5))
    data[4] ^= 1
    assert pair.opened(data, stride) is None


@pytest.mark.parametrize("first", [b"\x01\0\0\0", b"\xc8\0\0\0"])
def test_what_is_no_transport_message_is_left_to_others(pair: Pair, first: bytes) -> None:
    assert pair.opened((first + bytes(100)) * 5, 104) is None


def test_a_forged_counter_does_not_condemn_the_others(pair: Pair) -> None:
    data, stride = pair.sealed(packets(5))
    data[2 * stride + 8 : 2 * stride + 16] = b"\xff" * 8
    assert pair.opened(data, stride) is None
    assert pair.b.counters.expired == 0


def test_a_train_under_no_session_of_ours_is_left_to_the_device(pair: Pair) -> None:
    data, stride = pair.sealed(packets(5))
    for start in range(0, len(data), stride):
        data[start + 4 : start + 8] = bytes(4)
    assert pair.opened(data, stride) is None


def test_a_train_under_a_session_that_is_over_is_dropped(pair: Pair) -> None:
    data, stride = pair.sealed(packets(5))
    train = Train(len(data) + stride)
    train.view[: len(data)] = data
    late = NOW + 180
    opened = receive(pair.b, train, len(data), stride, A_IS, late, UNIX)
    assert opened is not None
    assert packets_of(opened) == []
    assert pair.b.counters.expired == 1


@given(data=st.binary(max_size=4000), stride=st.integers(1, 1500))
def test_any_bytes_are_judged_without_failing(data: bytes, stride: int) -> None:
    if len(data) > stride:
        Pair().opened(b"\x04\0\0\0" + data, stride)


def test_trains_of_many_strides_do_not_fill_memory(pair: Pair) -> None:
    train = Train(65536)
    for stride in range(33, 400):
        train.shape(stride, 4)
    assert len(train._shapes) <= 16
    assert sum(len(shape.rows) for shape in train._shapes.values()) <= 16 * 64


def test_a_shape_grows_with_what_it_is_to_hold() -> None:
    train = Train(65536)
    assert len(train.shape(100, 4).rows) == 64
    assert len(train.shape(100, 600).rows) == 600
    assert len(train.shape(100, 4).rows) == 600
