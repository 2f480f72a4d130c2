from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import seal
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    CLOCK_WINDOW_S,
    MAX_REMEMBERED_NONCES,
    OTHER_KEYS_BURST,
    OTHER_KEYS_PER_S,
    OTHER_VERSIONS_MAX,
)
from meshdht.wire.channel import ControlChannel, Incoming, OtherVersion
from meshdht.wire.packet import MessageKind, draw_nonce

KEY = PacketKey(b"k" * 32)
A, B = Endpoint("192.0.2.1", 1), Endpoint("192.0.2.2", 2)
NOW, UNIX = 1000.0, 1_700_000_000.0


def a_channel(name: bytes, key: PacketKey = KEY) -> ControlChannel:
    return ControlChannel(DeviceId(name * 20), key, SeededEntropy(name[0]))


def send(sender: ControlChannel, to: Endpoint, unix: float = UNIX) -> bytes:
    return sender.seal(MessageKind.GOSSIP, b"m" * 8, b"body", to, now=NOW, unix=unix)


def receive(receiver: ControlChannel, datagram: bytes, source: Endpoint) -> Incoming | None:
    return receiver.open(datagram, source, now=NOW, unix=UNIX)


def test_an_address_is_validated_once_it_has_echoed_a_token() -> None:
    a, b = a_channel(b"a"), a_channel(b"b")
    first = receive(b, send(a, B), A)
    assert first is not None
    assert not first.validated
    answer = receive(a, send(b, A), B)
    assert answer is not None
    assert answer.validated, "b's first packet already echoes the token of a's"
    second = receive(b, send(a, B), A)
    assert second is not None
    assert second.validated


def test_an_echo_from_another_address_validates_nothing() -> None:
    a, b = a_channel(b"a"), a_channel(b"b")
    receive(b, send(a, B), A)
    receive(a, send(b, A), B)
    spoofed = receive(b, send(a, B), Endpoint("203.0.113.9", 9))
    assert spoofed is not None
    assert not spoofed.validated


def of_version(version: int, nonce_seed: int = 1, body: bytes = b"") -> bytes:
    """What a device with the packet key writes that speaks another version."""
    nonce = draw_nonce(SeededEntropy(nonce_seed))
    return nonce + seal(KEY, nonce, bytes([version]) + body)


def test_who_speaks_another_version_is_remembered_and_nothing_else_of_it_is_read() -> None:
    b = a_channel(b"b")
    assert receive(b, of_version(2), A) is None
    assert receive(b, of_version(3, 2, bytes(100)), B) is None
    assert receive(b, of_version(2, 3), A) is None
    assert list(b.other_versions.values()) == [OtherVersion(B, 3, UNIX), OtherVersion(A, 2, UNIX)]
    assert b.dropped == {"version": 3}


def test_only_so_many_of_other_versions_are_remembered_and_strangers_are_not() -> None:
    b = a_channel(b"b")
    for port in range(2 * OTHER_VERSIONS_MAX):
        receive(b, of_version(2, port), Endpoint("192.0.2.9", port + 1))
    assert len(b.other_versions) == OTHER_VERSIONS_MAX
    assert Endpoint("192.0.2.9", 1) not in b.other_versions
    receive(b, bytes([2]) * 100, A)
    assert A not in b.other_versions


def test_a_replayed_packet_is_dropped_and_counted() -> None:
    a, b = a_channel(b"a"), a_channel(b"b")
    datagram = send(a, B)
    assert receive(b, datagram, A) is not None
    assert receive(b, datagram, A) is None
    assert b.dropped == {"replayed": 1}


def test_a_packet_from_outside_the_clock_window_is_dropped() -> None:
    a, b = a_channel(b"a"), a_channel(b"b")
    assert receive(b, send(a, B, UNIX - CLOCK_WINDOW_S + 1), A) is not None
    assert receive(b, send(a, B, UNIX - CLOCK_WINDOW_S - 1), A) is None
    assert receive(b, send(a, B, UNIX + CLOCK_WINDOW_S + 1), A) is None
    assert b.dropped == {"clock": 2}


def test_a_packet_that_echoes_a_token_is_fresh_whatever_its_date() -> None:
    a, b = a_channel(b"a"), a_channel(b"b")
    receive(b, send(a, B), A)
    receive(a, send(b, A), B)
    datagram = send(a, B, UNIX - 1000 * CLOCK_WINDOW_S)
    heard = receive(b, datagram, A)
    assert heard is not None
    assert heard.validated
    assert receive(b, datagram, A) is None, "it is dropped a second time all the same"
    assert b.dropped == {"replayed": 1}


def test_the_date_of_what_is_dropped_for_it_is_told() -> None:
    dates: list[float] = []
    a = a_channel(b"a")
    b = ControlChannel(DeviceId(b"b" * 20), KEY, SeededEntropy(2), dates.append)
    receive(b, send(a, B), A)
    receive(b, send(a, B, 5.0), A)
    receive(b, b"junk", A)
    assert dates == [5.0]


def test_an_own_packet_that_comes_back_is_dropped() -> None:
    a = a_channel(b"a")
    assert receive(a, send(a, B), B) is None
    assert a.dropped == {"own": 1}


def test_another_networks_packet_is_junk() -> None:
    b = a_channel(b"b")
    assert receive(b, send(a_channel(b"a", PacketKey(b"x" * 32)), B), A) is None
    assert b.dropped == {"junk": 1}


@given(st.binary(max_size=1500))
def test_any_bytes_are_silently_counted(datagram: bytes) -> None:
    b = a_channel(b"b")
    assert receive(b, datagram, A) is None
    assert b.dropped == {"junk": 1}


def test_remembered_nonces_are_bounded() -> None:
    a, b = a_channel(b"a"), a_channel(b"b")
    first = send(a, B)
    receive(b, first, A)
    for _ in range(MAX_REMEMBERED_NONCES):
        receive(b, send(a, B), A)
    assert receive(b, first, A) is not None, "the oldest nonce has fallen out"
    assert not b.dropped


OTHERS = [PacketKey(bytes([number]) * 32) for number in range(3)]


def test_what_comes_under_another_key_is_let_in_and_bears_it() -> None:
    a, b = a_channel(b"a", OTHERS[1]), a_channel(b"b")
    assert receive(b, send(a, B), A) is None
    b.rekey(KEY, OTHERS)
    incoming = receive(b, send(a, B), A)
    assert incoming is not None
    assert incoming.under == OTHERS[1]
    answer = b.seal(MessageKind.GOSSIP, b"m" * 8, b"", A, now=NOW, unix=UNIX, under=OTHERS[1])
    assert receive(a, answer, B) is not None


def test_after_a_change_of_keys_packets_go_out_under_the_new_one() -> None:
    a, b = a_channel(b"a"), a_channel(b"b", OTHERS[0])
    a.rekey(OTHERS[0], [KEY, OTHERS[0]])
    incoming = receive(b, send(a, B), A)
    assert incoming is not None
    assert incoming.under is None
    under_the_last = receive(a, send(a_channel(b"c"), A), B)
    assert under_the_last is not None
    assert under_the_last.under == KEY


def test_junk_does_not_cost_a_try_of_every_key_each_time() -> None:
    a, b = a_channel(b"a", OTHERS[0]), a_channel(b"b")
    b.rekey(KEY, OTHERS)
    for _ in range(int(OTHER_KEYS_BURST)):
        assert receive(b, bytes(100), A) is None
    datagram = send(a, B)
    assert receive(b, datagram, A) is None
    assert b.open(datagram, A, now=NOW + 2 / OTHER_KEYS_PER_S, unix=UNIX) is not None


def test_a_wrong_date_under_another_key_says_nothing_of_the_time() -> None:
    heard: list[float] = []
    b = ControlChannel(DeviceId(b"b" * 20), KEY, SeededEntropy(1), heard.append)
    b.rekey(KEY, OTHERS)
    late = UNIX + 2 * CLOCK_WINDOW_S
    assert receive(b, send(a_channel(b"a", OTHERS[0]), B, late), A) is None
    assert heard == []
    assert receive(b, send(a_channel(b"a"), B, late), A) is None
    assert heard == [late]
