"""Which routers are asked, when, and what the node is told of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from meshdht.api.router_messages import RouterPort
from meshdht.clock import SeededEntropy, SystemClock
from meshdht.crypto.keys import SigningKey
from meshdht.daemon import port_mapping, router_ways
from meshdht.daemon.config import Config
from meshdht.daemon.port_mapping import PortMapping, gateways_to_ask, nonce_at
from meshdht.endpoint import Endpoint
from meshdht.net.gateway import SEARCH_S, Gateway
from meshdht.paths import port_control
from tests.daemon.stand_ins import FakeNetlink
from tests.engine.eventually import eventually
from tests.support.control_box import OUTER, ControlBox
from tests.support.router import SsdpBox, UpnpBox, loopback_gateway

PORT = 41820
KEY = SigningKey(bytes(range(32)))


@dataclass
class Home:
    gateways: list[Gateway]
    told: list[Sequence[Endpoint]] = field(default_factory=list)

    async def look(self) -> list[Gateway]:
        return list(self.gateways)

    @asynccontextmanager
    async def mapping(self) -> AsyncIterator[PortMapping]:
        entropy = SeededEntropy(1)
        mapping = PortMapping(self.look, PORT, KEY, SystemClock(), entropy, self.told.append)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(mapping.run())
            yield mapping
            task.cancel()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_mapping, "HEAD_START_S", 0.3)
    monkeypatch.setattr(router_ways, "CHECK_PAUSE_MIN_S", 0.0)


async def test_a_mapped_port_is_told_and_reported_and_withdrawn_at_the_end() -> None:
    gateway, box = loopback_gateway(), ControlBox()
    home = Home([gateway])
    with box.serving(gateway):
        async with home.mapping() as mapping:
            await eventually(lambda: bool(home.told))
            assert home.told == [[OUTER]]
            [port] = mapping.report()
            assert port == RouterPort(
                gateway=gateway.address, outer=str(OUTER), protocol="PCP", public=True
            )
            assert box.withdrawn == []
        await eventually(lambda: bool(box.withdrawn))


async def test_a_router_of_upnp_alone_is_asked_so() -> None:
    box = UpnpBox(loopback_gateway())
    home = Home([box.gateway])
    async with box.serving():
        with SsdpBox(box).serving():
            async with home.mapping() as mapping:
                await eventually(lambda: bool(home.told), 30)
                assert mapping.report()[0].protocol == "UPnP"
                assert list(box.mappings.values()) == [Endpoint(box.gateway.inner, PORT)]
            assert box.mappings == {}


async def test_a_router_that_knows_all_protocols_makes_one_mapping() -> None:
    upnp, control = UpnpBox(loopback_gateway()), ControlBox()
    home = Home([upnp.gateway])
    async with upnp.serving():
        with SsdpBox(upnp).serving(), control.serving(upnp.gateway):
            async with home.mapping() as mapping:
                await eventually(lambda: bool(home.told))
                await asyncio.sleep(1.0)
                assert mapping.report()[0].protocol == "PCP"
    assert upnp.mappings == {}
    assert home.told == [[OUTER]]


async def test_another_router_is_asked_and_the_last_one_let_go() -> None:
    here, there = loopback_gateway(), loopback_gateway()
    box, other = ControlBox(), ControlBox(outer=Endpoint("25.0.0.9", 50009))
    home = Home([here])
    with box.serving(here), other.serving(there):
        async with home.mapping() as mapping:
            await eventually(lambda: home.told == [[OUTER]])
            home.gateways = [there]
            mapping.network_changed(has_moved=True)
            await eventually(lambda: home.told[-1] == [other.outer])
            await eventually(lambda: bool(box.withdrawn))
            assert [each.gateway for each in mapping.report()] == [there.address]
            home.gateways = []
            mapping.network_changed(has_moved=True)
            await eventually(lambda: home.told[-1] == [])


async def test_a_router_that_is_back_at_once_keeps_the_new_mapping() -> None:
    box = UpnpBox(loopback_gateway())
    home = Home([box.gateway])
    async with box.serving():
        with SsdpBox(box).serving():
            async with home.mapping() as mapping:
                await eventually(lambda: bool(home.told), 30)
                for gateways in ([], [box.gateway]):
                    home.gateways = list(gateways)
                    mapping.network_changed(has_moved=True)
                    await asyncio.sleep(0.01)
                await eventually(lambda: len(home.told) == 3, 30)
                verbs = [each for each in box.requests if "PortMapping" in each]
                assert verbs[-1] == "AddPortMapping"
                assert "DeletePortMapping" in verbs
                assert list(box.mappings.values()) == [Endpoint(box.gateway.inner, PORT)]
    assert box.mappings == {}


async def test_a_router_that_gives_nothing_is_asked_again_when_the_network_changes() -> None:
    gateway, box = loopback_gateway(), ControlBox(result=4)
    home = Home([gateway])
    with box.serving(gateway):
        async with home.mapping() as mapping:
            refused = [RouterPort(gateway=gateway.address, trouble="no more ports")]
            await eventually(lambda: list(mapping.report()) == refused, 30)
            # Until the search for UPnP has ended, too.
            await asyncio.sleep(SEARCH_S + 0.5)
            count = len(box.seen)
            mapping.network_changed(has_moved=False)
            mapping.seen_elsewhere()
            await asyncio.sleep(0.5)
            assert len(box.seen) == count
            box.result = 0
            mapping.network_changed(has_moved=True)
            await eventually(lambda: home.told == [[OUTER]])
            assert mapping.report()[0].trouble == ""


async def test_a_router_whose_answers_were_lost_is_asked_again_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(port_control, "FIRST_PAUSE_S", 0.05)
    gateway, box = loopback_gateway(), ControlBox(pcp=False, pmp=False)
    home = Home([gateway])
    with box.serving(gateway):
        async with home.mapping():
            await eventually(lambda: len(box.seen) == 2 * port_control.TRIES, 30)
            box.pcp = True
            await eventually(lambda: home.told == [[OUTER]], 10)


async def test_who_is_seen_elsewhere_asks_whether_the_mapping_is_still_there() -> None:
    gateway, box = loopback_gateway(), ControlBox()
    home = Home([gateway])
    with box.serving(gateway):
        async with home.mapping() as mapping:
            await eventually(lambda: home.told == [[OUTER]])
            box.outer = Endpoint("25.0.0.9", 50000)
            mapping.seen_elsewhere()
            await eventually(lambda: home.told[-1] == [box.outer], 30)


async def test_what_another_process_goes_on_with_stays() -> None:
    gateway, box = loopback_gateway(), ControlBox()
    home = Home([gateway])
    with box.serving(gateway):
        async with home.mapping() as mapping:
            await eventually(lambda: bool(home.told))
            mapping.leave()
        await asyncio.sleep(0.2)
    assert box.withdrawn == []


async def test_an_outside_in_another_private_network_is_reported_as_such() -> None:
    gateway, box = loopback_gateway(), ControlBox(outer=Endpoint("192.168.7.2", 50000))
    home = Home([gateway])
    with box.serving(gateway):
        async with home.mapping() as mapping:
            await eventually(lambda: bool(home.told))
            assert not mapping.report()[0].public


async def test_junk_of_a_router_is_counted() -> None:
    gateway, box = loopback_gateway(), ControlBox(wrong_nonce=True, pmp=False)
    home = Home([gateway])
    with box.serving(gateway):
        async with home.mapping() as mapping:
            await eventually(lambda: mapping.counters["unasked"] > 0)
    assert home.told == []


def test_the_nonce_of_the_vector() -> None:
    vectors = Path(__file__).parents[2] / "docs/vectors/derivations.json"
    nas = SigningKey(bytes(range(0x20, 0x40)))
    router = Gateway("192.168.1.1", 2, "192.168.1.2")
    nonce = nonce_at(nas, router, 41820, 1_800_000_000)
    assert nonce.hex() == json.loads(vectors.read_text())["port_mapping_nonce"]


def test_a_nonce_is_the_same_after_a_restart_and_another_elsewhere_and_tomorrow() -> None:
    here, there = loopback_gateway(), Gateway("192.168.1.1", 1, "192.168.1.2")
    now = 1_800_000_000.0
    nonce = nonce_at(KEY, here, PORT, now)
    assert nonce == nonce_at(SigningKey(bytes(range(32))), here, PORT, now + 60)
    others = [
        nonce_at(KEY, there, PORT, now),
        nonce_at(KEY, here, PORT + 1, now),
        nonce_at(KEY, here, PORT, now + 86400),
        nonce_at(SigningKey(bytes(32)), here, PORT, now),
    ]
    assert nonce not in others
    assert len(set(others)) == len(others)


async def test_a_gateway_beyond_an_interface_of_ours_or_an_excluded_one_is_none() -> None:
    netlink: Any = FakeNetlink()
    netlink.gateways = [("127.0.0.1", "lo"), ("127.0.0.2", "mesh-home"), ("127.0.0.3", "gone0")]
    [gateway] = await gateways_to_ask(netlink, "mesh-home", Config())
    assert (gateway.address, gateway.inner) == ("127.0.0.1", "127.0.0.1")
    for config in (Config(exclude_interfaces=["lo"]), Config(port_mapping=False)):
        assert await gateways_to_ask(netlink, "mesh-home", config) == []
