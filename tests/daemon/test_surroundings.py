"""What the daemon tells its node of the machine's surroundings, and what it says on the LAN."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from ipaddress import ip_interface
from typing import Any

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId
from meshdht.daemon import surroundings
from meshdht.daemon.config import Config
from meshdht.daemon.surroundings import Surroundings
from meshdht.endpoint import Endpoint
from meshdht.net.netlink import LocalAddress
from tests.daemon.stand_ins import FakeNetlink
from tests.engine.eventually import eventually

OTHER = DeviceId(b"o" * 20)


class Node:
    """Only remembers what it is told."""

    def __init__(self) -> None:
        self.local: list[Sequence[Endpoint]] = []
        self.nearby: list[tuple[DeviceId, Endpoint]] = []
        self.anchors: list[Sequence[Endpoint]] = []

    def set_local(self, endpoints: Sequence[Endpoint], networks: object) -> None:
        self.local.append(endpoints)

    def heard_nearby(self, device: DeviceId, endpoint: Endpoint) -> None:
        self.nearby.append((device, endpoint))

    def set_anchors(self, anchors: Sequence[Endpoint]) -> None:
        self.anchors.append(anchors)


class Nearby:
    """Believes everybody."""

    def beacon(self) -> bytes:
        return b"beacon"

    def heard(self, datagram: bytes, host: str) -> tuple[DeviceId, Endpoint]:
        return OTHER, Endpoint(host, 41820)


class Lan:
    """A LanBeacon without sockets."""

    def __init__(self, on_beacon: object) -> None:
        self.interfaces: set[str] = set()
        self.sent = 0

    def set_addresses(self, addresses: Iterable[LocalAddress]) -> None:
        self.interfaces = {each.interface for each in addresses}

    def send(self, datagram: bytes) -> None:
        self.sent += 1


class Silent:
    """A watch that sees no change."""

    async def changed(self) -> None:
        await asyncio.Event().wait()


class Restless(Silent):
    """A watch that sees one change."""

    seen = False

    async def changed(self) -> None:
        if self.seen:
            await super().changed()
        self.seen = True


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, config: Config, *texts: str) -> None:
        monkeypatch.setattr(surroundings, "LanBeacon", Lan)
        self.node = Node()
        self.addresses = [
            LocalAddress(each.ip, name, each.network)
            for name, each in ((f"eth{n}", ip_interface(text)) for n, text in enumerate(texts))
        ]
        node: Any = self.node
        nearby: Any = Nearby()
        netlink: Any = FakeNetlink(self.addresses)
        entropy = SeededEntropy(1)
        self.changes: list[bool] = []
        self.it = Surroundings(
            node, nearby, netlink, 41820, lambda: "mesh-home", self._changed, config, entropy
        )
        self.lan: Any = self.it._lan

    async def _changed(self, has_moved: bool) -> None:
        self.changes.append(has_moved)

    async def run_for(self, seconds: float, watch: Any = None) -> None:
        watch = watch or Silent()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.it.run(watch)


async def test_the_node_hears_once_where_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, Config(), "192.168.1.5/24", "203.0.113.9/32")
    await bench.it.look()
    await bench.it.look()
    assert bench.node.local == [[Endpoint("192.168.1.5", 41820), Endpoint("203.0.113.9", 41820)]]
    # Nobody else is on a /32.
    assert bench.lan.interfaces == {"eth0"}


async def test_nothing_is_said_of_and_on_an_interface_that_the_user_excluded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = Config(exclude_interfaces=["eth1"])
    bench = Bench(monkeypatch, config, "192.168.1.5/24", "10.0.0.5/24")
    await bench.it.look()
    assert bench.node.local == [[Endpoint("192.168.1.5", 41820)]]
    assert bench.lan.interfaces == {"eth0"}


async def test_a_change_that_moves_no_address_is_told_on_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch, Config(), "192.168.1.5/24")
    await bench.it.look()
    await bench.run_for(0.1, Restless())
    assert bench.changes == [False]
    assert len(bench.node.local) == 1


async def test_only_who_is_on_a_network_of_ours_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, Config(), "192.168.1.5/24")
    await bench.it.look()
    for host in ("198.51.100.7", "192.168.1.7", "fe80::7"):
        bench.it._beacon_received(b"", host)
    assert bench.node.nearby == [(OTHER, Endpoint("192.168.1.7", 41820))]


async def test_a_start_is_told_on_the_lan_at_once_and_a_change_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(surroundings, "BURST_S", (0.01, 0.01))
    bench = Bench(monkeypatch, Config(), "192.168.1.5/24")
    await bench.it.look()
    await bench.run_for(0.3)
    assert bench.lan.sent == 2
    del bench.addresses[:]
    bench.it._netlink = FakeNetlink()  # type: ignore[assignment]
    await bench.it.look()
    await bench.run_for(0.3)
    assert bench.lan.sent == 4


async def test_anchors_are_resolved_and_one_without_an_address_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["192.0.2.1:5", "[2001:db8::1]:6", "no-such-host.invalid:7", "localhost:8"]
    bench = Bench(monkeypatch, Config(anchors=names))
    async with asyncio.TaskGroup() as tasks:
        watch: Any = Silent()
        running = tasks.create_task(bench.it.run(watch))
        await eventually(lambda: len(bench.node.anchors) == 3)
        running.cancel()
    assert {each.port for each in bench.node.anchors[0]} <= {5, 6}
    found = bench.node.anchors[-1]
    assert {Endpoint("192.0.2.1", 5), Endpoint("2001:db8::1", 6)} < set(found)
    assert Endpoint("127.0.0.1", 8) in found or Endpoint("::1", 8) in found
    assert not [each for each in found if each.port == 7]


async def test_another_configuration_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, Config(anchors=["192.0.2.1:5"]), "192.168.1.5/24", "10.0.0.5/24")
    await bench.it.look()
    async with asyncio.TaskGroup() as tasks:
        watch: Any = Silent()
        running = tasks.create_task(bench.it.run(watch))
        await eventually(lambda: bench.node.anchors == [[Endpoint("192.0.2.1", 5)]])
        await bench.it.use(Config(anchors=["192.0.2.2:6"], exclude_interfaces=["eth1"]))
        assert bench.node.local[-1] == [Endpoint("192.168.1.5", 41820)]
        assert bench.changes == [True]
        await eventually(lambda: bench.node.anchors[-1] == [Endpoint("192.0.2.2", 6)])
        await bench.it.use(Config(exclude_interfaces=["eth1"]))
        await eventually(lambda: bench.node.anchors[-1] == [])
        assert bench.changes == [True, False]
        # From none to one again.
        await bench.it.use(Config(anchors=["192.0.2.3:7"]))
        await eventually(lambda: bench.node.anchors[-1] == [Endpoint("192.0.2.3", 7)])
        running.cancel()
