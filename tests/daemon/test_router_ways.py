"""Port control and UPnP, each driven on real sockets against a router on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from meshdht.clock import SeededEntropy, SystemClock
from meshdht.daemon import router_ways
from meshdht.daemon.router_ways import ControlWay, UpnpWay
from meshdht.endpoint import Endpoint
from meshdht.net.gateway import Gateway
from meshdht.paths import port_control
from meshdht.paths.port_control import PCP, UPNP, Mapping
from tests.engine.eventually import eventually
from tests.support.control_box import OUTER, ControlBox
from tests.support.router import SsdpBox, UpnpBox, loopback_gateway

PORT = 41820
OTHER = Endpoint("192.168.1.9", PORT)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_ways, "CHECK_PAUSE_MIN_S", 0.0)
    monkeypatch.setattr(router_ways, "RENEWAL_RETRY_S", 0.0)


@asynccontextmanager
async def control_way(gateway: Gateway) -> AsyncIterator[tuple[ControlWay, list[None]]]:
    changes: list[None] = []
    way = ControlWay(
        gateway,
        PORT,
        b"n" * 12,
        SystemClock(),
        SeededEntropy(1),
        lambda: changes.append(None),
        lambda: None,
    )
    async with asyncio.TaskGroup() as tasks:
        driver = tasks.create_task(way.run())
        yield way, changes
        driver.cancel()
    way.close()


async def test_port_control_settles_with_a_mapping_and_withdraws_it() -> None:
    gateway, box = loopback_gateway(), ControlBox()
    with box.serving(gateway):
        async with control_way(gateway) as (way, changes):
            assert await way.settled(60.0)
            assert way.mapping == Mapping(PCP, OUTER)
            assert len(changes) == 1
            way.withdraw()
            await eventually(lambda: bool(box.withdrawn))
            assert way.mapping is None


async def test_port_control_settles_without_a_mapping_where_nobody_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(port_control, "FIRST_PAUSE_S", 0.02)
    async with control_way(loopback_gateway()) as (way, changes):
        assert not await way.settled(0.1)
        assert await way.settled(60.0)
        assert way.mapping is None
        assert changes == []


@asynccontextmanager
async def upnp_way(
    box: UpnpBox, *, is_found: bool = True
) -> AsyncIterator[tuple[UpnpWay, list[None]]]:
    changes: list[None] = []
    way = UpnpWay(box.gateway, PORT, SeededEntropy(1), lambda: changes.append(None), lambda: None)
    async with box.serving():
        with SsdpBox(box).serving():
            assert await way.find() == is_found
            yield way, changes


async def test_upnp_maps_the_port_and_withdraws_it() -> None:
    box = UpnpBox(loopback_gateway())
    async with upnp_way(box) as (way, changes):
        assert await way.ask()
        assert way.mapping == Mapping(UPNP, Endpoint("25.0.0.1", PORT))
        assert len(changes) == 1
        await way.withdraw()
        assert box.mappings == {}
        assert way.mapping is None


async def test_upnp_takes_another_port_where_ours_belongs_to_another_machine() -> None:
    box = UpnpBox(loopback_gateway())
    box.mappings[PORT], box.leases[PORT] = OTHER, 0
    async with upnp_way(box) as (way, _):
        assert await way.ask()
        assert way.mapping is not None
        port = way.mapping.outer.port
        assert port != PORT
        assert box.mappings == {PORT: OTHER, port: Endpoint(box.gateway.inner, PORT)}
        await way.withdraw()
        assert box.mappings == {PORT: OTHER}


@pytest.mark.parametrize(("verb", "code"), [("AddPortMapping", 606), ("GetExternalIPAddress", 501)])
async def test_a_router_that_refuses_says_why(verb: str, code: int) -> None:
    box = UpnpBox(loopback_gateway(), faults={verb: code})
    async with upnp_way(box) as (way, _):
        assert not await way.ask()
        assert str(code) in way.trouble
        assert way.counters["refused"] == 1


async def test_a_router_without_an_outside_maps_nothing() -> None:
    box = UpnpBox(loopback_gateway(), outer_address="0.0.0.0")
    async with upnp_way(box) as (way, _):
        assert not await way.ask()
        assert "no outer address" in way.trouble


async def test_a_description_that_is_none_is_counted() -> None:
    box = UpnpBox(loopback_gateway(), description=lambda _: b"junk")
    async with upnp_way(box, is_found=False) as (way, _):
        assert way.counters["malformed"] == 1
        assert not await way.ask()


async def test_a_router_that_has_started_anew_is_found_and_asked_again() -> None:
    box = UpnpBox(loopback_gateway())
    way = UpnpWay(box.gateway, PORT, SeededEntropy(1), lambda: None, lambda: None)
    with SsdpBox(box).serving():
        async with box.serving():
            assert await way.find()
            assert await way.ask()
        box.mappings.clear()
        box.outer_address = "25.0.0.9"
        async with box.serving(), asyncio.TaskGroup() as tasks:
            holding = tasks.create_task(way.hold())
            way.check()
            await eventually(lambda: PORT in box.mappings, 30)
            await eventually(lambda: way.mapping == Mapping(UPNP, Endpoint("25.0.0.9", PORT)), 30)
            holding.cancel()


async def test_a_router_that_is_gone_for_good_has_lost_the_mapping() -> None:
    box = UpnpBox(loopback_gateway())
    async with upnp_way(box) as (way, changes):
        assert await way.ask()
        box.faults["AddPortMapping"] = 606
        way.check()
        await asyncio.wait_for(way.hold(), 30)
        assert way.mapping is None
        assert len(changes) == 2
