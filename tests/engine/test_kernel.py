"""The kernel engine on a stand-in for the kernel. Real kernels are in ``tests/vm``."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from meshdht.clock import SeededEntropy
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
from meshdht.engine.kernel import KernelEngine
from meshdht.engine.kernel_dump import NO_PRESHARED_KEY, KernelDevice, KernelPeer
from meshdht.engine.kernel_netlink import PeerChange
from meshdht.engine.reconcile import reconcile
from meshdht.engine.waiting_room import WaitingRoom
from meshdht.errors import PlatformError
from meshdht.wireguard.device import Device
from meshdht.wireguard.events import (
    DeviceEvent,
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeWanted,
)
from tests.engine.eventually import eventually

PRIVATE = WireGuardPrivateKey(bytes([1]) * 32)
KEY = WireGuardPrivateKey(bytes([2]) * 32).public
HOME, AWAY = Endpoint("192.0.2.2", 51820), Endpoint("192.0.2.3", 51820)
PSK, OTHER_PSK = PresharedKey(bytes([7]) * 32), PresharedKey(bytes([8]) * 32)
NETWORKS = (ip_network("fd00::2/128"), ip_network("10.0.0.2/32"))
CONFIG = PeerConfig(KEY, PSK, None, NETWORKS, HOME)
UNIX = 1_800_000_000.0


class FakeClock:
    def __init__(self, unix: float) -> None:
        self.seconds = 0.0
        self._unix = unix

    def monotonic(self) -> float:
        return self.seconds

    def unix(self) -> float:
        return self._unix + self.seconds


class FakeKernel:
    """Keeps peers as the kernel does: in an order of its own, with one pre-shared key."""

    def __init__(self) -> None:
        self.indices = {3}
        self.peers: dict[WireGuardPublicKey, KernelPeer] = {}
        self.changes: list[PeerChange] = []
        self.private: WireGuardPrivateKey | None = None
        self.failure = 0

    def delete(self) -> None:
        self.indices.clear()
        self.peers.clear()

    async def device(self, index: int) -> KernelDevice:
        self._check(index)
        return KernelDevice(41820, dict(self.peers))

    async def set_device(
        self, index: int, *, private_key: WireGuardPrivateKey | None = None
    ) -> None:
        self._check(index)
        self.private = private_key

    async def set_peer(self, index: int, change: PeerChange) -> None:
        self._check(index)
        self.changes.append(change)
        key = change.public_key
        if change.removes:
            self.peers.pop(key, None)
            return
        if key not in self.peers and change.only_if_present:
            return
        peer = self.peers.get(key, KernelPeer(key))
        changed: dict[str, Any] = {}
        if change.preshared_key is not None:
            none = change.preshared_key == NO_PRESHARED_KEY
            changed["preshared_key"] = None if none else change.preshared_key
        if change.allowed_ips is not None:
            kept = () if change.replaces_allowed_ips else peer.allowed_ips
            changed["allowed_ips"] = (*kept, *reversed(change.allowed_ips))
        for name in ("endpoint", "keepalive_s"):
            if (value := getattr(change, name)) is not None:
                changed[name] = value
        self.peers[key] = replace(peer, **changed)

    def _check(self, index: int) -> None:
        code = self.failure or (0 if index in self.indices else errno.ENODEV)
        if code:
            raise OSError(code, os.strerror(code))


class Bench:
    """An engine on a stand-in for the kernel, and what it said and sent."""

    def __init__(self) -> None:
        self.kernel = FakeKernel()
        self.events: list[DeviceEvent] = []
        self.sent: list[tuple[bytes, Endpoint]] = []
        self.lost = 0
        self.clock, self.machine_clock = FakeClock(UNIX + 1000), FakeClock(UNIX)
        self.engine = self.successor()

    def successor(self) -> KernelEngine:
        """The engine of the next daemon, over what this one has left in the kernel."""
        self.room = WaitingRoom()
        return KernelEngine(
            PRIVATE,
            self.kernel,
            3,
            self.room,
            lambda data, to: self.sent.append((data, to)),
            clock=self.clock,
            machine_clock=self.machine_clock,
            on_event=self.events.append,
            on_interface_lost=self._lose,
        )

    async def read(self) -> None:
        """Let the engine read the counters once."""
        task = asyncio.get_running_loop().create_task(self.engine.run())
        await asyncio.sleep(0.01)
        task.cancel()

    def change(self, **changed: Any) -> None:
        self.kernel.peers[KEY] = replace(self.kernel.peers[KEY], **changed)

    def _lose(self) -> None:
        self.lost += 1


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    await bench.engine.start()
    yield bench
    await bench.engine.close()


def test_the_engine_is_a_backend() -> None:
    bench = Bench()
    backend: Backend = bench.engine
    assert backend.name == "kernel"
    bench.room.close()


async def test_a_peer_is_read_back_as_it_was_wanted_so_that_nothing_flaps(bench: Bench) -> None:
    wanted = replace(CONFIG, last_preshared_key=OTHER_PSK, keepalive_s=5)
    await bench.engine.apply([AddPeer(wanted)])
    assert bench.kernel.private == PRIVATE
    actual, stats = await bench.engine.peers(), await bench.engine.stats()
    assert actual == {KEY: wanted}
    assert reconcile([wanted], actual, stats, UNIX) == []


async def test_a_successor_takes_over_by_difference_and_touches_nothing(bench: Bench) -> None:
    await bench.engine.apply([AddPeer(CONFIG)])
    bench.change(handshake=UNIX - 10, rx_bytes=500, tx_bytes=600)
    await bench.engine.close()
    bench.kernel.changes.clear()
    bench.engine = bench.successor()
    await bench.engine.start()
    actual, stats = await bench.engine.peers(), await bench.engine.stats()
    # The kernel's order of allowed IPs is another one, and their last pre-shared key is not there.
    wanted = replace(CONFIG, endpoint=None, last_preshared_key=OTHER_PSK)
    operations = reconcile([wanted], actual, stats, UNIX)
    assert operations == [UpdatePeer(wanted)]
    await bench.engine.apply(operations)
    assert bench.kernel.changes == [PeerChange(KEY, PSK, None, None, 0)]
    assert reconcile([wanted], await bench.engine.peers(), stats, UNIX) == []
    await bench.read()
    assert bench.events == [HandshakeCompleted(KEY, HOME, UNIX + 990)]


async def test_an_update_changes_allowed_ips_only_where_they_differ(bench: Bench) -> None:
    await bench.engine.apply([AddPeer(CONFIG)])
    other = replace(CONFIG, preshared_key=None, allowed_ips=NETWORKS[:1])
    await bench.engine.apply([UpdatePeer(replace(CONFIG, preshared_key=OTHER_PSK))])
    await bench.engine.apply([UpdatePeer(other)])
    assert [each.allowed_ips for each in bench.kernel.changes[1:]] == [None, NETWORKS[:1]]
    assert (await bench.engine.peers())[KEY] == other


async def test_what_others_changed_in_the_kernel_is_seen(bench: Bench) -> None:
    await bench.engine.apply([AddPeer(CONFIG)])
    bench.change(allowed_ips=(), preshared_key=None)
    actual = await bench.engine.peers()
    assert reconcile([CONFIG], actual, {}, UNIX)[0] == UpdatePeer(CONFIG)
    await bench.engine.apply([UpdatePeer(CONFIG)])
    assert (await bench.engine.peers())[KEY] == CONFIG


async def test_statistics_are_told_by_the_engines_clock(bench: Bench) -> None:
    await bench.engine.apply([AddPeer(CONFIG)])
    assert (await bench.engine.stats())[KEY].handshake_unix is None
    bench.change(handshake=UNIX - 3, rx_bytes=5, tx_bytes=6)
    stats = (await bench.engine.stats())[KEY]
    assert (stats.endpoint, stats.rx_bytes, stats.tx_bytes) == (HOME, 5, 6)
    assert stats.handshake_unix == UNIX + 997


async def test_who_asks_for_statistics_hears_of_a_move_first(bench: Bench) -> None:
    """Beside traffic somebody asks ten times a second, the engine itself reads much less often."""
    await bench.engine.apply([AddPeer(CONFIG)])
    bench.change(handshake=UNIX - 3)
    await bench.read()
    bench.events.clear()
    bench.change(endpoint=AWAY, rx_bytes=5)
    await bench.engine.stats()
    assert bench.events == [EndpointRoamed(KEY, AWAY)]
    await bench.engine.stats()
    assert len(bench.events) == 1


async def test_a_removed_peer_is_gone(bench: Bench) -> None:
    await bench.engine.apply([AddPeer(CONFIG), RemovePeer(KEY)])
    assert bench.kernel.peers == {}
    assert await bench.engine.peers() == {}


async def test_a_changed_endpoint_is_set_for_a_peer_that_is_there(bench: Bench) -> None:
    await bench.engine.apply([SetEndpoint(KEY, AWAY)])
    assert await bench.engine.peers() == {}
    await bench.engine.apply([AddPeer(CONFIG), SetEndpoint(KEY, AWAY)])
    assert (await bench.engine.peers())[KEY].endpoint == AWAY
    assert bench.sent == []


@pytest.mark.parametrize(("usual", "switched"), [(0, [1, 0]), (25, [0, 25])])
async def test_a_handshake_is_begun_by_switching_the_keepalive(
    bench: Bench, usual: int, switched: list[int]
) -> None:
    await bench.engine.apply([AddPeer(replace(CONFIG, keepalive_s=usual)), Initiate(KEY)])
    assert [each.keepalive_s for each in bench.kernel.changes[1:]] == switched
    assert (await bench.engine.peers())[KEY].keepalive_s == usual


def initiation() -> bytes:
    device = Device(PRIVATE, SeededEntropy(1))
    device.add_peer(KEY, endpoint=HOME, now=0)
    device.initiate(KEY, 0, UNIX)
    transmit = device.poll_transmit()
    assert transmit is not None
    return transmit[0]


def knock(bench: Bench, message: bytes) -> None:
    """The kernel sends for the peer, to where the engine told it."""
    where = bench.kernel.peers[KEY].endpoint
    assert where == bench.room.endpoint
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
        kernel.sendto(message, where)


@pytest.mark.parametrize(("age", "is_sent_on"), [(0.0, True), (4.9, True), (5.1, False)])
async def test_an_initiation_for_a_peer_without_endpoint_is_a_want_and_follows_the_peer(
    bench: Bench, age: float, is_sent_on: bool
) -> None:
    await bench.engine.apply([AddPeer(replace(CONFIG, endpoint=None))])
    assert (await bench.engine.peers())[KEY].endpoint is None
    assert (await bench.engine.stats())[KEY].endpoint is None
    message = initiation()
    knock(bench, message)
    await eventually(lambda: bench.events == [HandshakeWanted(KEY)])
    bench.clock.seconds += age
    await bench.engine.apply([SetEndpoint(KEY, HOME)])
    assert bench.sent == ([(message, HOME)] if is_sent_on else [])
    await bench.engine.apply([SetEndpoint(KEY, AWAY)])
    assert len(bench.sent) == is_sent_on


async def test_who_waits_in_the_room_of_a_dead_daemon_is_led_to_the_next_one(bench: Bench) -> None:
    await bench.engine.apply([AddPeer(replace(CONFIG, endpoint=None))])
    await bench.engine.close()
    bench.engine = bench.successor()
    await bench.engine.start()
    knock(bench, initiation())
    await eventually(lambda: bench.events == [HandshakeWanted(KEY)])


async def test_the_kernels_refusals_are_counted(bench: Bench) -> None:
    bench.kernel.failure = errno.EINVAL
    await bench.engine.apply([AddPeer(CONFIG)])
    assert bench.engine.counters.refused_peers == 1
    bench.kernel.failure = 0
    assert await bench.engine.peers() == {}
    assert bench.lost == 0


async def test_a_reading_that_fails_is_counted_and_the_last_one_stands(bench: Bench) -> None:
    await bench.engine.apply([AddPeer(CONFIG)])
    await bench.read()
    bench.kernel.failure = errno.ENOBUFS
    assert await bench.engine.peers() == {KEY: CONFIG}
    assert (await bench.engine.stats())[KEY].endpoint == HOME
    assert (bench.engine.counters.read_failed, bench.lost) == (2, 0)


async def test_a_kernel_that_refuses_from_the_start_is_the_users_to_know(bench: Bench) -> None:
    bench.kernel.failure = errno.EPERM
    with pytest.raises(PlatformError, match="Operation not permitted"):
        await bench.engine.start()


async def test_a_deleted_interface_is_told_once_and_its_peers_come_back_on_the_next(
    bench: Bench,
) -> None:
    await bench.engine.apply([AddPeer(CONFIG)])
    bench.change(endpoint=AWAY)
    await bench.read()
    bench.kernel.delete()
    for _ in range(3):
        await bench.read()
    assert (bench.lost, bench.engine.counters.interface_lost) == (1, 1)
    changed = replace(CONFIG, preshared_key=OTHER_PSK)
    await bench.engine.apply([UpdatePeer(changed)])
    assert await bench.engine.peers() == {KEY: changed}
    assert await bench.engine.stats() == {}
    bench.kernel.indices = {9}
    bench.kernel.private = None
    await bench.engine.attach(8)
    assert bench.lost == 2
    await bench.engine.attach(9)
    assert bench.kernel.private == PRIVATE
    assert await bench.engine.peers() == {KEY: replace(changed, endpoint=AWAY)}
