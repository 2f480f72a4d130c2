"""The tunnel's interface: when it has which MTU, and who hears of that."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

from meshdht.daemon.config import Config
from meshdht.daemon.interface import TunnelInterface
from meshdht.net.netlink import IPAddress
from tests.daemon.stand_ins import FakeNetlink
from tests.engine.eventually import eventually

SEGMENTS = 40


class Netlink(FakeNetlink):
    """Remembers what it is to configure."""

    def __init__(self, *default_mtus: int) -> None:
        super().__init__(default_mtus=default_mtus)
        self.configured: list[tuple[str, list[str], int, int | None]] = []
        self.resized: list[tuple[str, int, int | None]] = []
        self.present: tuple[Any, ...] | None = None
        self.limited: list[tuple[str, dict[IPAddress, int]]] = []

    async def configure(
        self, name: str, addresses: list[Any], mtu: int, *, segments_max: int | None
    ) -> tuple[Any, ...]:
        self.configured.append((name, list(map(str, addresses)), mtu, segments_max))
        self.present = tuple(addresses)
        return self.present

    async def addresses_while_up(self, name: str) -> tuple[Any, ...] | None:
        return self.present

    async def set_mtu(self, name: str, mtu: int, *, segments_max: int | None) -> None:
        self.resized.append((name, mtu, segments_max))

    async def set_route_mtus(self, name: str, mtus: dict[IPAddress, int]) -> None:
        self.limited.append((name, dict(mtus)))


class Carrier:
    """Knows what the engine was told."""

    interface = "mesh-home"

    def __init__(self) -> None:
        self.mtus: list[int] = []
        self.lost = asyncio.Event()
        self.did: list[str] = []

    def resize(self, mtu: int) -> int:
        self.mtus.append(mtu)
        return SEGMENTS

    async def remake(self) -> None:
        self.did.append("remake")

    async def attach(self) -> None:
        self.did.append("attach")


class Bench:
    def __init__(self, config: Config, *default_mtus: int) -> None:
        self.netlink = Netlink(*default_mtus)
        self.carrier = Carrier()
        roster = SimpleNamespace(
            ipv4_range=SimpleNamespace(prefixlen=22, version=4),
            ipv6_subnet=SimpleNamespace(prefixlen=64),
        )
        own = SimpleNamespace(ipv4="100.64.0.1", ipv6="fd00::1")
        self.limits: dict[IPAddress, int] = {}
        parts: Any = (
            self.netlink,
            self.carrier,
            config,
            lambda: roster,
            lambda: own,
            lambda: self.limits,
        )
        self.it = TunnelInterface(*parts)


async def test_it_comes_up_with_what_the_ways_out_bear() -> None:
    bench = Bench(Config(), 1400)
    await bench.it.configure()
    addresses = ["100.64.0.1/22", "fd00::1/64"]
    assert bench.netlink.configured == [("mesh-home", addresses, 1320, SEGMENTS)]
    assert bench.carrier.mtus == [1320]


async def test_another_network_brings_another_mtu_to_interface_and_engine() -> None:
    bench = Bench(Config(), 1500)
    await bench.it.configure()
    await bench.it.fit()
    assert bench.netlink.resized == []
    bench.netlink.defaults = [1400, 1500]
    await bench.it.fit()
    bench.netlink.defaults = [1500]
    await bench.it.fit()
    assert bench.netlink.resized == [("mesh-home", 1320, SEGMENTS), ("mesh-home", 1420, SEGMENTS)]
    assert bench.carrier.mtus == [1420, 1320, 1420]


async def test_between_two_networks_it_keeps_what_it_had() -> None:
    bench = Bench(Config(), 1400)
    await bench.it.configure()
    bench.netlink.defaults = []
    await bench.it.fit()
    assert bench.it.mtu == 1320
    assert bench.netlink.resized == []


async def test_what_the_user_says_holds_whatever_is_around() -> None:
    bench = Bench(Config(mtu=8000), 1400)
    await bench.it.configure()
    bench.netlink.defaults = [1500]
    await bench.it.fit()
    assert bench.it.mtu == 8000
    assert bench.carrier.mtus == [8000]
    assert bench.netlink.resized == []


async def test_an_address_that_was_lost_is_given_back_once_the_interface_is_up() -> None:
    bench = Bench(Config(), 1500)
    await bench.it.configure()
    assert bench.netlink.present is not None
    ipv4, _ = bench.netlink.present
    bench.netlink.present = None  # down, as somebody wants it
    await bench.it.fit()
    assert len(bench.netlink.configured) == 1
    bench.netlink.present = (ipv4,)
    await bench.it.fit()
    await bench.it.fit()
    assert len(bench.netlink.configured) == 2


async def test_a_deleted_interface_is_made_configured_and_attached() -> None:
    bench = Bench(Config(), 1500)
    async with asyncio.TaskGroup() as tasks:
        mending = tasks.create_task(bench.it.mend())
        bench.carrier.lost.set()
        await eventually(lambda: "attach" in bench.carrier.did)
        mending.cancel()
    assert bench.carrier.did == ["remake", "attach"]
    assert len(bench.netlink.configured) == 1


async def test_peers_that_get_less_have_routes_of_their_own_on_every_new_interface() -> None:
    bench = Bench(Config(), 1500)
    await bench.it.configure()
    bench.limits[ip_address("100.64.0.2")] = 1340
    await bench.it.set_limits()
    await bench.it.configure()
    bench.netlink.defaults = [1400]
    await bench.it.fit()
    await bench.it.fit()
    less = ("mesh-home", {ip_address("100.64.0.2"): 1340})
    assert bench.netlink.limited == [("mesh-home", {}), less, less, less, less]
