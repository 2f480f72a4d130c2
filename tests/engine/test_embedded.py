"""Two engines joined by a function call instead of a network, each with a socket pair as TUN."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network

import pytest

from meshdht.clock import SeededEntropy, SystemClock
from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import (
    AddPeer,
    Backend,
    Initiate,
    PeerConfig,
    RemovePeer,
    SetEndpoint,
    UpdatePeer,
)
from meshdht.engine.embedded import EmbeddedEngine
from meshdht.wireguard.constants import Intervals
from meshdht.wireguard.events import (
    DeviceEvent,
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeWanted,
)
from tests.engine.eventually import eventually
from tests.wireguard.network import A_TO_B, B_TO_A, ip_packet

NOWHERE = Endpoint("203.0.113.9", 9)


class FakeTun:
    """A TUN of which the test holds the other side; ``failure`` makes both verbs fail."""

    def __init__(self) -> None:
        self._ours, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ours.setblocking(False)
        self.kernel.setblocking(False)
        self.failure = 0

    def fileno(self) -> int:
        return self._ours.fileno()

    def read(self) -> bytes | None:
        self._fail()
        try:
            return self._ours.recv(65535)
        except BlockingIOError:
            return None

    def write(self, packet: bytes) -> None:
        self._fail()
        self._ours.send(packet)

    def close(self) -> None:
        self._ours.close()
        self.kernel.close()

    def _fail(self) -> None:
        if self.failure:
            raise OSError(self.failure, "as the test wants it")


class Side:
    """One engine, its TUN, and what it reported."""

    def __init__(self, number: int, intervals: Intervals) -> None:
        self.private = WireGuardPrivateKey(bytes([number]) * 32)
        self.endpoint = Endpoint(f"192.0.2.{number}", 51820)
        self.config = PeerConfig(
            self.private.public,
            allowed_ips=(ip_network(f"10.0.0.{number}/32"),),
            endpoint=self.endpoint,
        )
        self.tun = FakeTun()
        self.tuns_lost = 0
        self.events: list[DeviceEvent] = []
        self.sent: list[Endpoint] = []
        self.other: Side | None = None
        self.engine = EmbeddedEngine(
            self.private,
            self.tun,
            self._send,
            clock=SystemClock(),
            entropy=SeededEntropy(number),
            on_event=self.events.append,
            on_tun_lost=self._lose,
            intervals=intervals,
        )

    async def received(self) -> bytes:
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recv(self.tun.kernel, 65535), 5)

    def _send(self, data: bytes, destination: Endpoint) -> None:
        self.sent.append(destination)
        if self.other is not None and destination == self.other.endpoint:
            deliver = self.other.engine.handle_wireguard
            asyncio.get_running_loop().call_soon(deliver, data, self.endpoint)

    def _lose(self) -> None:
        self.tuns_lost += 1


Sides = tuple[Side, Side]


@pytest.fixture
async def sides() -> AsyncIterator[Sides]:
    quick = Intervals(rekey_timeout=0.05)
    a, b = Side(1, quick), Side(2, quick)
    a.other, b.other = b, a
    for side in (a, b):
        await side.engine.start()
    yield a, b
    for side in (a, b):
        await side.engine.close()
        side.tun.close()


async def connect(a: Side, b: Side) -> None:
    await a.engine.apply([AddPeer(b.config)])
    await b.engine.apply([AddPeer(replace(a.config, endpoint=None))])
    a.tun.kernel.send(A_TO_B)
    assert await b.received() == A_TO_B


def test_the_engine_is_a_backend() -> None:
    side = Side(1, Intervals())
    backend: Backend = side.engine
    assert backend.name == "embedded"
    side.tun.close()


async def test_packets_cross_from_tun_to_tun(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    b.tun.kernel.send(B_TO_A)
    assert await a.received() == B_TO_A


async def test_handshakes_and_roaming_are_reported(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    assert [type(event) for event in a.events] == [HandshakeWanted, HandshakeCompleted]
    assert EndpointRoamed(a.private.public, a.endpoint) in b.events


async def test_statistics_tell_endpoint_handshake_and_bytes(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    seen = (await b.engine.stats())[a.private.public]
    assert seen.endpoint == a.endpoint
    assert seen.handshake_unix is not None
    assert seen.rx_bytes == 148 + 32 + 32
    assert seen.tx_bytes == 92


async def test_a_train_longer_than_a_batch_arrives_whole(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    packets = [ip_packet("10.0.0.1", "10.0.0.2", bytes([number])) for number in range(200)]
    loop = asyncio.get_running_loop()

    async def feed() -> None:
        for packet in packets:
            await loop.sock_sendall(a.tun.kernel, packet)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(feed())
        assert [await b.received() for _ in packets] == packets


async def test_a_removed_peer_is_gone_at_once(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    await a.engine.apply([RemovePeer(b.private.public)])
    assert await a.engine.peers() == {}
    a.tun.kernel.send(A_TO_B)
    await asyncio.sleep(0.01)
    assert a.engine.device_counters.no_route == 1


async def test_an_update_keeps_session_and_endpoint(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    changed = replace(b.config, endpoint=None, preshared_key=PresharedKey(bytes([1]) * 32))
    await a.engine.apply([UpdatePeer(changed)])
    a.tun.kernel.send(A_TO_B)
    assert await b.received() == A_TO_B
    assert await a.engine.peers() == {b.private.public: changed}


async def test_a_set_endpoint_sends_the_waiting_packet_there(sides: Sides) -> None:
    a, b = sides
    await a.engine.apply([AddPeer(replace(b.config, endpoint=NOWHERE))])
    await b.engine.apply([AddPeer(a.config)])
    a.tun.kernel.send(A_TO_B)
    await asyncio.sleep(0.01)
    await a.engine.apply([SetEndpoint(b.private.public, b.endpoint)])
    assert await b.received() == A_TO_B
    assert (await a.engine.peers())[b.private.public].endpoint == b.endpoint


async def test_an_endpoint_for_an_unknown_peer_changes_nothing(sides: Sides) -> None:
    a, b = sides
    await a.engine.apply([SetEndpoint(b.private.public, NOWHERE)])
    assert await a.engine.peers() == {}


async def test_a_handshake_can_be_demanded(sides: Sides) -> None:
    a, b = sides
    await b.engine.apply([AddPeer(a.config)])
    await a.engine.apply([AddPeer(b.config), Initiate(b.private.public)])
    await eventually(lambda: len(b.events) == 1)
    assert isinstance(b.events[0], HandshakeCompleted)


async def test_a_peer_with_an_unusable_key_is_left_out(sides: Sides) -> None:
    a, b = sides
    bad = replace(b.config, public_key=WireGuardPublicKey(bytes(32)))
    await a.engine.apply([AddPeer(bad), AddPeer(b.config)])
    assert a.engine.counters.refused_peers == 1
    assert set(await a.engine.peers()) == {b.private.public}


async def test_the_timer_repeats_an_initiation(sides: Sides) -> None:
    a, b = sides
    await a.engine.apply([AddPeer(replace(b.config, endpoint=NOWHERE))])
    a.tun.kernel.send(A_TO_B)
    await eventually(lambda: len(a.sent) >= 3)
    assert set(a.sent) == {NOWHERE}


async def test_malformed_packets_of_this_machine_are_counted(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    for junk in (b"\0", b"\x45" * 19, b"\x60" * 39):
        a.tun.kernel.send(junk)
    a.tun.kernel.send(A_TO_B)
    assert await b.received() == A_TO_B
    assert a.engine.device_counters.no_route == 3


@pytest.mark.parametrize("code", [errno.ENOBUFS, errno.EIO, errno.EINVAL])
async def test_a_packet_that_the_kernel_refuses_is_dropped(sides: Sides, code: int) -> None:
    a, b = sides
    await connect(a, b)
    b.tun.failure = code
    a.tun.kernel.send(A_TO_B)
    await eventually(lambda: b.engine.counters.tun_write_failed == 1)
    b.tun.failure = 0
    a.tun.kernel.send(A_TO_B)
    assert await b.received() == A_TO_B
    assert b.tuns_lost == 0


async def test_a_vanished_tun_is_reported_once_and_can_be_replaced(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    b.tun.failure = errno.EBADFD
    for _ in range(3):
        a.tun.kernel.send(A_TO_B)
    await eventually(lambda: b.engine.counters.tun_write_failed == 3)
    assert (b.tuns_lost, b.engine.counters.tun_lost) == (1, 1)
    b.tun.close()
    b.tun = FakeTun()
    b.engine.attach(b.tun)
    a.tun.kernel.send(A_TO_B)
    assert await b.received() == A_TO_B
    b.tun.kernel.send(B_TO_A)
    assert await a.received() == B_TO_A


async def test_a_tun_that_fails_while_reading_does_not_stop_the_other_direction(
    sides: Sides,
) -> None:
    a, b = sides
    await connect(a, b)
    b.tun.failure = errno.EBADFD
    b.tun.kernel.send(B_TO_A)
    await eventually(lambda: b.tuns_lost == 1)
    assert b.engine.counters.tun_read_failed == 1


async def test_a_closed_engine_is_deaf(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    await b.engine.close()
    a.tun.kernel.send(A_TO_B)
    await asyncio.sleep(0.01)
    assert (await b.engine.stats())[a.private.public].rx_bytes == 148 + 32 + 32
    with pytest.raises(BlockingIOError):
        b.tun.kernel.recv(1)
