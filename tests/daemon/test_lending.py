"""A daemon lends ports if it is told to, or if it can be reached, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from meshdht.api.relay_messages import RelayStatus
from meshdht.clock import SeededEntropy, SystemClock
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.daemon.config import Config
from meshdht.daemon.lending import Lending
from meshdht.daemon.stream_service import StreamService
from meshdht.net.netlink import Netlink, open_netlink
from meshdht.net.relay_kernel import KernelForwarder, remove_table
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.node.relay_host import RelayHost
from tests.daemon.test_stream_service import Host


@pytest.fixture
async def netlink(own_network: None) -> AsyncIterator[Netlink]:
    async with open_netlink() as netlink:
        yield netlink


# It serves no streams.
NOWHERE = StreamService(Host(), 41820, 0, SeededEntropy(1))


@pytest.fixture
async def host() -> RelayHost:
    control = ControlPort(
        DeviceId(bytes(20)),
        PacketKey(bytes(32)),
        lambda datagram, to: None,
        NetworkTime(SystemClock()),
        SeededEntropy(1),
    )
    return RelayHost(control, lambda endpoint: False)


@pytest.mark.lab
async def test_by_itself_it_relays_where_everybody_reaches_it(
    host: RelayHost, netlink: Netlink
) -> None:
    reachable = False
    lending = Lending(host, Config(), lambda: reachable, netlink, "meshdht-home", NOWHERE)
    await lending.start()
    assert not host.is_offered()
    assert not lending.status().offered
    reachable = True
    assert host.is_offered()
    assert lending.status() == RelayStatus(offered=True, forwarder="nftables", mbit=100)
    await lending.close()


@pytest.mark.lab
async def test_told_to_it_relays_wherever_it_is(host: RelayHost, netlink: Netlink) -> None:
    lending = Lending(host, Config(relay="on"), lambda: False, netlink, "meshdht-home", NOWHERE)
    await lending.start()
    assert host.is_offered()
    await lending.close()


@pytest.mark.lab
async def test_ports_are_asked_of_a_router_by_who_relays_behind_one(
    host: RelayHost, netlink: Netlink
) -> None:
    def lending(relay: Literal["auto", "on", "off"], *, is_anchor: bool = False) -> Lending:
        about = lambda: True, netlink, "meshdht-home", NOWHERE
        return Lending(host, Config(relay=relay), *about, is_anchor=is_anchor)

    asked = {
        (relay, is_anchor): bool(lending(relay, is_anchor=is_anchor).at_router.numbers)
        for relay in ("auto", "on", "off")
        for is_anchor in (False, True)
    }
    assert [each for each, asks in asked.items() if asks] == [
        ("auto", True),
        ("on", False),
        ("on", True),
    ]


@pytest.mark.lab
async def test_told_not_to_it_does_not_and_leaves_the_kernel_alone(
    host: RelayHost, netlink: Netlink, monkeypatch: pytest.MonkeyPatch
) -> None:
    lending = Lending(host, Config(relay="off"), lambda: True, netlink, "meshdht-home", NOWHERE)

    async def start() -> bool:
        raise AssertionError

    monkeypatch.setattr(lending._kernel, "start", start)
    killed = KernelForwarder("meshdht-home", netlink)
    assert await killed.start()
    await lending.start()
    assert not await remove_table("meshdht-home"), "what a killed daemon left is there"
    assert not host.is_offered()
    assert lending.status() == RelayStatus()
    await lending.close()


@pytest.mark.lab
async def test_without_nftables_it_relays_by_itself_and_says_why(
    host: RelayHost, netlink: Netlink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    lending = Lending(host, Config(relay="on"), lambda: False, netlink, "meshdht-home", NOWHERE)
    await lending.start()
    said = lending.status()
    assert (said.forwarder, said.why) == ("plain", "there is no nft")
    await lending.close()


@pytest.mark.lab
async def test_it_is_told_otherwise_while_it_runs(host: RelayHost, netlink: Netlink) -> None:
    streams = StreamService(Host(), 41820, 0, SeededEntropy(1))
    lending = Lending(host, Config(), lambda: False, netlink, "meshdht-home", streams)
    await lending.start()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(lending.run())
        assert not host.is_offered()
        await lending.use(Config(relay="on", relay_mbit=7, relay_tls_port=0))
        assert host.is_offered()
        assert lending.status().mbit == 7
        assert len(lending.at_router.numbers) > 0
        await lending.use(Config(relay="on", relay_mbit=7, relay_tls_port=0, mtu=1400))
        await lending.use(Config(relay="off"))
        assert not host.is_offered()
        assert lending.status() == RelayStatus()
        assert not lending.at_router.numbers
        assert not await remove_table("meshdht-home")
        await lending.use(Config())
        assert await remove_table("meshdht-home")
        running.cancel()
    await lending.close()
