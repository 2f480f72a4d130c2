"""The embedded engine and its worker process, with a socket pair as TUN and the loopback."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from meshdht.clock import SystemClock
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
from meshdht.engine.offload.virtio import PLAIN
from meshdht.net.udp import UdpPort
from meshdht.wireguard.constants import Intervals
from meshdht.wireguard.events import (
    DeviceEvent,
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeWanted,
)
from meshdht.wireguard.messages import OVERHEAD
from tests.engine.eventually import eventually
from tests.wireguard.network import A_TO_B, B_TO_A

NOWHERE = Endpoint("127.0.0.1", 9)


class FakeTun:
    """A TUN of which the test is the kernel."""

    offloads: tuple[str, ...] = ("TSO",)

    def __init__(self) -> None:
        self._ours, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ours.setblocking(False)
        self.kernel.setblocking(False)

    def fileno(self) -> int:
        return self._ours.fileno()

    def close(self) -> None:
        self._ours.close()
        self.kernel.close()


class Side:
    """One engine at the loopback, and what it reported."""

    def __init__(self, number: int) -> None:
        self.private = WireGuardPrivateKey(bytes([number]) * 32)
        self.control: list[bytes] = []
        self.port = UdpPort(0, lambda data, source: self.control.append(data))
        self.endpoint = Endpoint("127.0.0.1", self.port.port)
        self.config = PeerConfig(
            self.private.public,
            allowed_ips=(ip_network(f"10.0.0.{number}/32"),),
            endpoint=self.endpoint,
        )
        self.tun = FakeTun()
        self.tuns_lost = 0
        self.events: list[DeviceEvent] = []
        self.engine = EmbeddedEngine(
            self.private,
            self.tun,
            self.port,
            clock=SystemClock(),
            on_event=self.events.append,
            on_tun_lost=self._lose,
            intervals=Intervals(rekey_timeout=0.05),
        )

    def give(self, packet: bytes) -> None:
        self.tun.kernel.send(PLAIN + packet)

    async def received(self) -> bytes:
        loop = asyncio.get_running_loop()
        frame = await asyncio.wait_for(loop.sock_recv(self.tun.kernel, 65535), 5)
        assert frame.startswith(PLAIN)
        return frame[len(PLAIN) :]

    async def counted(self, name: str) -> int:
        await self.engine.stats()
        return self.engine.counters.get(name, 0)

    def _lose(self) -> None:
        self.tuns_lost += 1


Sides = tuple[Side, Side]


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def shown(pid: int) -> bytes:
    """What other users of the machine may see of a process, and more."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


@pytest.fixture
async def sides() -> AsyncIterator[Sides]:
    a, b = Side(1), Side(2)
    await asyncio.gather(a.engine.start(), b.engine.start())
    yield a, b
    for side in (a, b):
        await side.engine.close()
        side.port.close()
        side.tun.close()


async def connect(a: Side, b: Side) -> None:
    await a.engine.apply([AddPeer(b.config)])
    await b.engine.apply([AddPeer(replace(a.config, endpoint=None))])
    a.give(A_TO_B)
    assert await b.received() == A_TO_B


def test_the_engine_is_a_backend() -> None:
    side = Side(1)
    backend: Backend = side.engine
    assert backend.name == "embedded"
    side.tun.close()
    side.port.close()


async def test_packets_cross_from_tun_to_tun(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    b.give(B_TO_A)
    assert await a.received() == B_TO_A


async def test_handshakes_and_roaming_are_reported(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    await eventually(lambda: len(a.events) == 2)
    assert [type(event) for event in a.events] == [HandshakeWanted, HandshakeCompleted]
    await eventually(lambda: EndpointRoamed(a.private.public, a.endpoint) in b.events)


async def test_statistics_tell_endpoint_handshake_and_bytes(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    seen = (await b.engine.stats())[a.private.public]
    assert seen.endpoint == a.endpoint
    assert seen.handshake_unix is not None
    assert seen.rx_bytes == 148 + 32 + 32
    assert seen.tx_bytes == 92


async def test_what_the_kernel_does_for_it_is_told(sides: Sides) -> None:
    assert sides[0].engine.features == ("TSO", "UDP GSO", "UDP GRO")


async def test_no_packet_is_padded_beyond_the_mtu_that_it_was_told(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    a.engine.resize(len(A_TO_B))
    before = (await a.engine.stats())[b.private.public].tx_bytes
    a.give(A_TO_B)
    assert await b.received() == A_TO_B
    after = (await a.engine.stats())[b.private.public].tx_bytes
    assert after - before == len(A_TO_B) + OVERHEAD


async def test_a_removed_peer_is_gone_at_once(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    await a.engine.apply([RemovePeer(b.private.public)])
    assert await a.engine.peers() == {}
    assert await a.engine.stats() == {}
    a.give(A_TO_B)
    await asyncio.sleep(0.05)
    assert await a.counted("wireguard_no_route") == 1


async def test_an_update_keeps_session_and_endpoint(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    changed = replace(b.config, endpoint=None, preshared_key=PresharedKey(bytes([1]) * 32))
    await a.engine.apply([UpdatePeer(changed)])
    a.give(A_TO_B)
    assert await b.received() == A_TO_B
    assert await a.engine.peers() == {b.private.public: changed}


async def test_a_set_endpoint_sends_the_waiting_packet_there(sides: Sides) -> None:
    a, b = sides
    await a.engine.apply([AddPeer(replace(b.config, endpoint=NOWHERE))])
    await b.engine.apply([AddPeer(a.config)])
    a.give(A_TO_B)
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
    await eventually(lambda: any(isinstance(each, HandshakeCompleted) for each in b.events))


async def test_a_peer_with_an_unusable_key_is_left_out(sides: Sides) -> None:
    a, b = sides
    bad = replace(b.config, public_key=WireGuardPublicKey(bytes(32)))
    await a.engine.apply([AddPeer(bad), AddPeer(b.config)])
    assert a.engine.counters["engine_refused_peers"] == 1
    assert set(await a.engine.peers()) == {b.private.public}


async def test_a_thousand_peers_are_told_in_parts(sides: Sides) -> None:
    a, _ = sides
    configs = [
        PeerConfig(
            WireGuardPrivateKey(number.to_bytes(32, "big")).public,
            allowed_ips=(ip_network((10 << 24) + number), ip_network((0xFD << 120) + number)),
            endpoint=Endpoint("192.0.2.1", number),
        )
        for number in range(1, 1001)
    ]
    await a.engine.apply([AddPeer(config) for config in configs])
    stats = await a.engine.stats()
    assert {key: seen.endpoint for key, seen in stats.items()} == {
        config.public_key: config.endpoint for config in configs
    }


async def test_the_control_channel_has_its_packets(sides: Sides) -> None:
    a, b = sides
    a.port.send(b"\xc8" * 40, b.endpoint)
    await eventually(lambda: b.control == [b"\xc8" * 40])


async def test_another_tun_can_be_attached(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    first, b.tun = b.tun, FakeTun()
    b.engine.attach(b.tun)
    await b.engine.stats()  # it has obeyed
    first.close()
    a.give(A_TO_B)
    assert await b.received() == A_TO_B


async def test_a_worker_that_died_is_replaced(
    sides: Sides, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = sides
    await connect(a, b)
    before = await b.engine.stats()
    died = b.engine.worker_pid
    with caplog.at_level(logging.WARNING):
        os.kill(died, signal.SIGKILL)
        await eventually(lambda: b.engine.worker_pid not in (0, died))
    # Nobody sends: it makes new sessions with whom it had one.
    await eventually(lambda: len(a.events) >= 3)
    b.give(B_TO_A)
    assert await a.received() == B_TO_A
    assert "the process that carries the traffic ended (SIGKILL)" in caplog.text
    assert len(caplog.records) == 1
    after = (await b.engine.stats())[a.private.public]
    assert after.rx_bytes > before[a.private.public].rx_bytes
    assert await b.counted("engine_worker_restarts") == 1


async def test_control_packets_arrive_while_there_is_no_worker(sides: Sides) -> None:
    a, b = sides
    os.kill(b.engine.worker_pid, signal.SIGKILL)
    await eventually(lambda: b.engine.worker_pid == 0)
    a.port.send(b"\xc8" * 40, b.endpoint)
    await eventually(lambda: b.control == [b"\xc8" * 40])


async def test_a_worker_that_is_stopped_keeps_nobody_from_closing() -> None:
    side = Side(1)
    await side.engine.start()
    pid = side.engine.worker_pid
    os.kill(pid, signal.SIGSTOP)
    await side.engine.close()
    assert not is_alive(pid)
    side.port.close()
    side.tun.close()


async def test_no_key_is_to_be_seen_from_outside(sides: Sides) -> None:
    a, b = sides
    psk = PresharedKey(bytes(range(32)))
    await a.engine.apply([AddPeer(replace(b.config, preshared_key=psk))])
    seen = shown(a.engine.worker_pid)
    assert b"meshdht.engine.worker" in seen
    for secret in (a.private.raw, psk.raw):
        assert secret not in seen
        assert secret.hex().encode() not in seen


async def test_a_closed_engine_leaves_no_process() -> None:
    side = Side(1)
    await side.engine.start()
    pid = side.engine.worker_pid
    await side.engine.close()
    assert not is_alive(pid)
    side.port.close()
    side.tun.close()
