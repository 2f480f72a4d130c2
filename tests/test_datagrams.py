"""Trains of datagrams through real sockets."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from meshdht.datagrams import DatagramSocket, segments_of
from meshdht.endpoint import Endpoint

Sockets = tuple[DatagramSocket, DatagramSocket, Endpoint]


def bound(family: socket.AddressFamily, host: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.bind((host, 0))
    return sock


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def sockets(request: pytest.FixtureRequest) -> Iterator[Sockets]:
    family, host = request.param
    one, other = bound(family, host), bound(family, host)
    yield DatagramSocket(one), DatagramSocket(other), Endpoint(*other.getsockname()[:2])
    one.close()
    other.close()


def received(sock: DatagramSocket) -> tuple[bytes, int] | None:
    buffer = memoryview(bytearray(65536))
    got = sock.receive_into(buffer)
    return None if got is None else (bytes(buffer[: got[0]]), got[1])


def test_a_train_is_sent_and_received_in_one_call(sockets: Sockets) -> None:
    one, other, there = sockets
    pieces = [bytes([n]) * 1000 for n in range(20)] + [b"short"]
    one.send(pieces, 1000, there)
    assert received(other) == (b"".join(pieces), 1000)
    assert received(other) is None


def test_pieces_need_not_be_datagrams(sockets: Sockets) -> None:
    one, other, there = sockets
    one.send([memoryview(bytes(2500))], 1000, there)
    assert received(other) == (bytes(2500), 1000)


def test_one_datagram_is_as_large_as_it_is(sockets: Sockets) -> None:
    one, other, there = sockets
    one.send([b"alone"], 1000, there)
    assert received(other) == (b"alone", 5)


def test_the_source_is_told(sockets: Sockets) -> None:
    one, other, there = sockets
    one.send([b"x"], 1, there)
    got = other.receive_into(memoryview(bytearray(10)))
    assert got is not None
    assert got[2].host == there.host


@pytest.mark.parametrize("count", [1, 20])
def test_the_field_of_ecn_is_told_once_somebody_asks_for_it(sockets: Sockets, count: int) -> None:
    one, other, there = sockets
    pieces = [bytes(100)] * count
    buffer = memoryview(bytearray(65536))

    def told(ecn: int) -> int:
        one.send(pieces, 100, there, ecn)
        got = other.receive_into(buffer)
        assert got is not None
        assert got[:2] == (100 * count, 100)
        return got[3]

    assert [told(ecn) for ecn in range(4)] == [0, 0, 0, 0]
    other.heed_marks()
    assert [told(ecn) for ecn in range(4)] == [0, 1, 2, 3]


@pytest.mark.parametrize("is_known", [True, False])
def test_without_segmentation_each_datagram_is_a_call(sockets: Sockets, is_known: bool) -> None:
    one, other, there = sockets
    if is_known:
        one.segments = False
    else:
        one._sock = Refusing(one._sock, errno.EIO)  # type: ignore[assignment]
    one.send([bytes(2500)], 1000, there)
    assert not one.segments
    got = [received(other) for _ in range(3)]
    assert [each and len(each[0]) for each in got] == [1000, 1000, 500]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EMSGSIZE])
def test_a_train_of_what_is_to_be_fragmented_is_sent_singly(sockets: Sockets, code: int) -> None:
    one, other, there = sockets
    one._sock = Refusing(one._sock, code)  # type: ignore[assignment]
    one.send([b"abc", b"de"], 3, there)
    assert one.segments
    assert [received(other) for _ in range(2)] == [(b"abc", 3), (b"de", 2)]


def test_other_errors_are_the_callers(sockets: Sockets) -> None:
    one, _, there = sockets
    one._sock = Refusing(one._sock, errno.ENOBUFS)  # type: ignore[assignment]
    with pytest.raises(OSError, match="as the test wants"):
        one.send([b"abc", b"de"], 3, there)


def test_a_train_fits_one_datagram_and_the_kernels_limit() -> None:
    assert segments_of(1452) == 45
    assert segments_of(100) == 64
    assert segments_of(60_000) == 1


class Refusing:
    """A socket whose kernel does not take UDP_SEGMENT."""

    def __init__(self, sock: socket.socket, code: int) -> None:
        self._sock = sock
        self._code = code

    def sendmsg(self, pieces: object, ancillary: object, flags: int, to: Endpoint) -> int:
        raise OSError(self._code, "as the test wants")

    def sendto(self, data: bytes, to: Endpoint) -> int:
        return self._sock.sendto(data, to)
