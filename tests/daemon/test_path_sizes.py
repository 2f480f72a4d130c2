"""When paths are tried with large packets, and what follows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from meshdht.crypto.keys import DeviceId
from meshdht.daemon.path_sizes import AGAIN_S, UNSURE_AGAIN_S, USED_S, PathSizes
from meshdht.endpoint import Endpoint
from meshdht.errors import PlatformError
from meshdht.net.netlink import IPAddress
from meshdht.paths.candidate import PathKind
from meshdht.paths.view import PathView
from tests.engine.eventually import eventually

NAS, PHONE = DeviceId(b"n" * 20), DeviceId(b"p" * 20)
FIRST, SECOND = Endpoint("192.0.2.1", 1), Endpoint("192.0.2.2", 2)


class Device:
    def __init__(self, name: str, number: int, device: DeviceId, *, has_ipv4: bool = True) -> None:
        self.name = name
        self.id = device
        self.ipv4 = IPv4Address(f"100.64.0.{number}") if has_ipv4 else None
        self.ipv6 = IPv6Address(f"fd00::{number}")


class Clock:
    """Stands until it is moved."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def unix(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Roster:
    def __init__(self, *devices: Device) -> None:
        self.devices = devices

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices)

    def __contains__(self, device: DeviceId) -> bool:
        return any(each.id == device for each in self.devices)


class Bench:
    """A node with two peers, and a network that swallows what is larger than ``bears``."""

    def __init__(self) -> None:
        self.roster = Roster(Device("nas", 2, NAS), Device("phone", 3, PHONE, has_ipv4=False))
        self.endpoint: Endpoint | None = FIRST
        self.bears = 1500
        self.mtu = 1420
        self.may_ask = True
        self.may_set = True
        self.asked: list[tuple[IPAddress, list[int]]] = []
        self.told: list[dict[IPAddress, int]] = []
        self.clock = Clock()
        node: Any = self
        self.it = PathSizes(node, self._ask, lambda: self.mtu, self._tell, self.clock)

    def path(self, device: DeviceId) -> PathView:
        return PathView(PathKind.DIRECT if self.endpoint else PathKind.NONE, self.endpoint, 0.01)

    async def _ask(self, address: IPAddress, sizes: Sequence[int], wait_s: float) -> set[int]:
        if not self.may_ask:
            raise PlatformError("cannot send ICMP: Operation not permitted")
        self.asked.append((address, list(sizes)))
        return {size for size in sizes if size <= self.bears}

    async def _tell(self) -> None:
        if not self.may_set:
            raise PlatformError("cannot set routes by the network interface mesh-home")
        self.told.append(self.it.limits())

    async def settle(self) -> int:
        """Let it do what it will; how many packets that were."""
        for _ in range(20):
            await asyncio.sleep(0)
        sent = sum(len(sizes) for _, sizes in self.asked)
        self.asked.clear()
        return sent


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    it = Bench()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(it.it.run())
        yield it
        running.cancel()


async def test_a_sound_path_is_tried_once_when_it_is_used() -> None:
    async with bench() as it:
        it.it.path_changed()
        assert await it.settle() == 0
        it.it.used(NAS)
        await eventually(lambda: it.asked == [(IPv4Address("100.64.0.2"), [1420])])
        assert await it.settle() == 1
        it.it.used(NAS)
        it.clock.advance(AGAIN_S / 2)
        it.it.used(NAS)
        assert await it.settle() == 0
        it.clock.advance(AGAIN_S)
        it.it.used(NAS)
        assert await it.settle() == 1
        assert it.told == []
        assert it.it.limit(NAS) is None


async def test_a_peer_behind_a_hole_gets_less_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bench() as it:
        it.bears = 1340
        with caplog.at_level(logging.INFO):
            it.it.used(NAS)
            await it.settle()
            it.clock.advance(AGAIN_S)
            it.it.used(NAS)
            await it.settle()
        assert it.it.limit(NAS) == 1328
        less = dict.fromkeys([IPv4Address("100.64.0.2"), IPv6Address("fd00::2")], 1328)
        assert it.told == [less]
        (line,) = caplog.messages
        assert line == "the path to nas swallows packets of more than 1328 bytes; it gets none"
        it.bears = 1500
        it.clock.advance(AGAIN_S)
        with caplog.at_level(logging.INFO):
            it.it.used(NAS)
            await it.settle()
        assert it.told == [less, {}]
        assert caplog.messages[-1] == "the path to nas bears full packets again"


async def test_what_may_have_been_lost_packets_is_looked_at_again_soon() -> None:
    async with bench() as it:
        it.bears = 1340
        it.it.used(NAS)
        await it.settle()
        it.clock.advance(UNSURE_AGAIN_S)
        it.it.used(NAS)
        assert await it.settle() > 1
        it.clock.advance(UNSURE_AGAIN_S)
        it.it.used(NAS)
        assert await it.settle() == 0  # twice the same is sure


async def test_routes_that_cannot_be_set_end_nothing_and_are_set_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bench() as it:
        it.bears, it.may_set = 1340, False
        it.it.used(NAS)
        await it.settle()
        assert it.it.limit(NAS) is None
        assert "cannot set routes" in caplog.text
        it.may_set = True
        it.clock.advance(UNSURE_AGAIN_S)
        it.it.used(NAS)
        await it.settle()
        assert it.it.limit(NAS) == 1328
        assert len(it.told) == 1


async def test_a_peer_without_ipv4_is_asked_by_its_other_address() -> None:
    async with bench() as it:
        it.it.used(PHONE)
        await eventually(lambda: it.asked == [(IPv6Address("fd00::3"), [1420])])


async def test_a_path_that_does_not_even_bear_the_least_gets_that_and_it_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bench() as it:
        it.bears = 1000
        it.it.used(NAS)
        await it.settle()
        assert it.it.limit(NAS) == 1280
        assert "1280 bytes, which is as small as they get" in caplog.text


async def test_a_path_to_elsewhere_is_tried_while_the_tunnel_is_in_use() -> None:
    async with bench() as it:
        it.it.used(NAS)
        assert await it.settle() == 1
        it.endpoint = SECOND
        it.it.path_changed()
        assert await it.settle() == 1
        it.clock.advance(USED_S + 1)
        it.endpoint = FIRST
        it.it.path_changed()
        assert await it.settle() == 0


async def test_another_network_or_another_mtu_is_a_new_question() -> None:
    async with bench() as it:
        it.it.used(NAS)
        assert await it.settle() == 1
        it.it.network_changed()
        assert await it.settle() == 1
        it.mtu = 1320
        it.it.path_changed()
        assert await it.settle() == 1


async def test_a_limit_beyond_the_tunnels_mtu_is_none() -> None:
    async with bench() as it:
        it.bears = 1340
        it.it.used(NAS)
        await it.settle()
        it.mtu = 1328
        assert it.it.limits() == {}


async def test_who_does_not_answer_is_asked_again_later_and_nothing_follows() -> None:
    async with bench() as it:
        it.bears = 0
        it.it.used(NAS)
        assert await it.settle() > 1
        it.it.used(NAS)
        assert await it.settle() == 0
        it.clock.advance(UNSURE_AGAIN_S)
        it.it.used(NAS)
        assert await it.settle() > 1
        assert it.told == []


async def test_a_device_that_left_is_forgotten() -> None:
    async with bench() as it:
        it.bears = 1340
        it.it.used(NAS)
        await it.settle()
        it.roster.devices = ()
        it.it.path_changed()
        await it.settle()
        assert it.it.limits() == {}
        assert it.it.limit(NAS) is None


async def test_without_a_path_or_without_the_right_nothing_happens() -> None:
    async with bench() as it:
        it.endpoint = None
        it.it.used(NAS)
        assert await it.settle() == 0
        it.may_ask = False
        it.endpoint = FIRST
        it.it.path_changed()
        await it.settle()
        assert it.told == []
