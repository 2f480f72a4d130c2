"""Two pumps on the loopback, each with a socket pair as TUN; the test holds its other side."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network

from meshdht.clock import SeededEntropy, SystemClock
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.datagrams import DatagramSocket
from meshdht.endpoint import Endpoint
from meshdht.engine.offload.virtio import PLAIN
from meshdht.engine.pump import Pump
from meshdht.engine.tun_file import TunFile
from meshdht.wireguard.constants import Intervals
from meshdht.wireguard.device import Device
from meshdht.wireguard.events import DeviceEvent
from tests.wireguard.network import A_TO_B

PATIENCE_S = 5.0


class FakeTun(TunFile):
    """A TUN of which the test is the kernel; ``failure`` makes both verbs fail."""

    def __init__(self) -> None:
        self._ours, self._kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (self._ours, self._kernel):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * 1024 * 1024)
        super().__init__(self._ours.fileno())
        self.failure = 0

    def give(self, packet: bytes, header: bytes = PLAIN) -> None:
        """A packet from this machine."""
        self._kernel.send(header + packet)

    def take(self) -> bytes | None:
        """The next frame for this machine, with its header."""
        try:
            return self._kernel.recv(70_000)
        except BlockingIOError:
            return None

    def read_into(self, frame: memoryview) -> int | None:
        self._fail()
        return super().read_into(frame)

    def write(self, frame: Sequence[bytes | memoryview]) -> None:
        self._fail()
        super().write(frame)

    def close(self) -> None:
        self._ours.close()
        self._kernel.close()

    def _fail(self) -> None:
        if self.failure:
            raise OSError(self.failure, "as the test wants it")


class Side:
    """One pump at 127.0.0.1 and what it reported; inside it is 10.0.0.n, and that four times."""

    def __init__(self, number: int, *, joins: bool = True, segments: bool = True) -> None:
        self.private = WireGuardPrivateKey(bytes([number]) * 32)
        address = bytes([10, 0, 0, number])
        self.networks = [ip_network(address), ip_network(address * 4)]
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sock.bind(("127.0.0.1", 0))
        self.endpoint = Endpoint(*self._sock.getsockname())
        self.socket = DatagramSocket(self._sock)
        if not joins:
            self._sock.setsockopt(socket.IPPROTO_UDP, 104, 0)
        self.socket.segments &= segments
        self.clock = SystemClock()
        self.device = Device(
            self.private, SeededEntropy(number), intervals=Intervals(rekey_timeout=0.05)
        )
        self.tun = FakeTun()
        self.tuns_lost = 0
        self.events: list[DeviceEvent] = []
        self.control: list[bytes] = []
        self.pump = Pump(
            self.device,
            self.tun,
            [self.socket],
            self.clock,
            takes_uso=True,
            on_control=lambda data, source: self.control.append(data),
            on_event=self.events.append,
            on_tun_lost=self._lose,
        )

    def add(self, other: Side, *, knows_endpoint: bool = True) -> None:
        self.device.add_peer(
            other.private.public,
            allowed_ips=other.networks,
            endpoint=other.endpoint if knows_endpoint else None,
            now=self.clock.monotonic(),
        )

    def step(self) -> None:
        """Everything that can be done at once."""
        tun, sock = self.tun.fileno(), self.socket.fileno()
        readable, _, _ = select.select([tun, sock], [], [], 0.001)
        if tun in readable:
            self.pump.read_tun()
        if sock in readable:
            self.pump.read_socket(self.socket)
        deadline = self.device.next_timeout()
        if deadline is not None and self.clock.monotonic() >= deadline:
            self.pump.handle_timeout()

    def close(self) -> None:
        self.socket.close()
        self.tun.close()

    def _lose(self) -> None:
        self.tuns_lost += 1


def until(sides: Sequence[Side], condition: Callable[[], bool]) -> None:
    """Run both until the condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it does not come to pass"
        for side in sides:
            side.step()


def received(sides: Sequence[Side], at: Side) -> bytes:
    """The next frame that comes out at a side's TUN."""
    frames: list[bytes] = []

    def came() -> bool:
        if (frame := at.tun.take()) is not None:
            frames.append(frame)
        return bool(frames)

    until(sides, came)
    return frames[0]


Sides = tuple[Side, Side]


@contextmanager
def pair(*, joins: bool = True, segments: bool = True) -> Iterator[Sides]:
    """Two without a session, of which the first knows where the second is. ``segments``: whether
    the first may send trains; ``joins``: whether what comes to the second may come as one."""
    a, b = Side(1, segments=segments), Side(2, joins=joins)
    a.add(b)
    b.add(a, knows_endpoint=False)
    try:
        yield a, b
    finally:
        for side in (a, b):
            side.close()


def connect(sides: Sides) -> None:
    """Send a packet from the first to the second."""
    a, b = sides
    a.tun.give(A_TO_B)
    assert received(sides, b) == PLAIN + A_TO_B
