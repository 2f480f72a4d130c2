"""Names for the programs of a machine: who is told, and where the server is."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.message
import pytest

from meshdht.api.name_messages import NamesStatus
from meshdht.clock import SystemClock
from meshdht.daemon import naming
from meshdht.daemon.config import Config
from meshdht.daemon.naming import Naming
from meshdht.errors import PlatformError
from meshdht.limits import NAME_QUERIES_BURST
from meshdht.membership.roster import Roster
from meshdht.names.zone import loopback_address
from meshdht.net.dns_server import DnsServer
from meshdht.net.resolver import RESOLVCONF, RESOLVED, Zone
from tests.engine.eventually import eventually
from tests.membership.household import Household

MESH = "127.99.0.7"
"""What stands for the mesh address, which this machine does not have."""


class FakeResolver:
    """One that notes what it is told."""

    def __init__(self) -> None:
        self.zones: list[Zone | None] = []
        self.fault = ""

    async def tell(self, zone: Zone) -> None:
        if self.fault:
            raise PlatformError(self.fault, "ask root")
        self.zones.append(zone)

    async def forget(self) -> None:
        self.zones.append(None)


class Machine:
    def __init__(self, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found = ""
        self.written: set[str] = set()
        self.network_manager_writes = False
        monkeypatch.setattr(naming, "find_resolver", lambda: self.found)
        monkeypatch.setattr(naming, "is_written_down", lambda host: host in self.written)
        monkeypatch.setattr(naming, "network_manager_writes", lambda: self.network_manager_writes)
        # Nobody's business here, and a port that only root may take.
        monkeypatch.setattr(naming, "DNS_PORT", 40053)
        monkeypatch.setattr(naming, "OTHER_PORT", 40054)
        self.roster: Roster = Household().roster()
        [own] = self.roster
        self.loopback = str(loopback_address(self.roster.network))
        self.resolver = FakeResolver()
        self.clock = SystemClock()
        self.naming = Naming(
            config, lambda: self.roster, lambda: own, lambda: "lo", self.clock, Path("/none")
        )
        self.naming._resolvers = {RESOLVED: self.resolver, RESOLVCONF: self.resolver}
        opened = _at_mesh_address(DnsServer.open, str(own.ipv4))
        monkeypatch.setattr(DnsServer, "open", opened)

    @property
    def server(self) -> tuple[str, int]:
        host, _, port = self.naming.status().server.rpartition(":")
        return host, int(port)

    async def ask(self, name: str) -> list[str]:
        query = dns.message.make_query(name, "A").to_wire()
        loop, (host, port) = asyncio.get_running_loop(), self.server
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            await loop.sock_connect(client, (MESH if host.startswith("100.") else host, port))
            await loop.sock_sendall(client, query)
            answer = await asyncio.wait_for(loop.sock_recv(client, 4096), 5)
        return [str(item) for rrset in dns.message.from_wire(answer).answer for item in rrset]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.naming.run())
            try:
                await self.naming.settled()
                yield
            finally:
                task.cancel()


def _at_mesh_address(opened: Callable[..., object], own: str) -> Callable[..., object]:
    def open_at(server: object, host: str, ports: object) -> object:
        return opened(server, MESH if host == own else host, ports)

    return open_at


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(Config(), monkeypatch)


@pytest.mark.parametrize("by", [RESOLVED, RESOLVCONF])
async def test_a_resolver_is_told_as_long_as_the_network_is_up(machine: Machine, by: str) -> None:
    machine.found = by
    async with machine.running():
        [zone] = machine.resolver.zones
        assert zone is not None
        [own] = machine.roster
        assert (zone.host, zone.interface, zone.domain) == (str(own.ipv4), "lo", "home.internal")
        assert len(zone.others) == 65
        assert (zone.port == 40053) == (by == RESOLVCONF)
        status = machine.naming.status()
        assert (status.means, status.server) == (by, f"{own.ipv4}:{zone.port}")
        assert await machine.ask("nas.home.internal") == [str(own.ipv4)]
    assert machine.resolver.zones[1:] == [None]
    assert machine.naming.status().server == ""


async def test_without_one_names_are_served_at_a_loopback_address(machine: Machine) -> None:
    async with machine.running():
        assert machine.naming.status() == NamesStatus(
            zone="home.internal", means="none", server=f"{machine.loopback}:40053"
        )
        assert len(await machine.ask("nas.home.internal")) == 1
        machine.network_manager_writes = True
        assert "NetworkManager writes" in machine.naming.status().trouble
        machine.written.add(machine.loopback)
        status = machine.naming.status()
        assert (status.means, status.trouble) == ("resolv.conf", "")
    assert machine.resolver.zones == []


async def test_where_the_port_is_taken_there_is_another(machine: Machine) -> None:
    with socket.socket() as taken:
        taken.bind((machine.loopback, 40053))
        taken.listen()
        async with machine.running():
            assert machine.server == (machine.loopback, 40054)


async def test_a_resolver_that_refuses_leaves_the_loopback_address_and_says_why(
    machine: Machine,
) -> None:
    machine.found, machine.resolver.fault = RESOLVED, "access denied"
    async with machine.running():
        status = machine.naming.status()
        assert (status.means, status.trouble) == ("none", "access denied (ask root)")
        assert status.server == f"{machine.loopback}:40053"
        machine.resolver.fault = ""
        machine.naming.network_changed(has_moved=False)
        await eventually(lambda: machine.naming.status().means == RESOLVED)
        assert machine.naming.status().trouble == ""


async def test_a_resolver_that_comes_later_is_told_then(machine: Machine) -> None:
    async with machine.running():
        machine.found = RESOLVED
        machine.naming.network_changed(has_moved=False)
        await eventually(lambda: machine.naming.status().means == RESOLVED)
        told = list(machine.resolver.zones)
        machine.naming.network_changed(has_moved=False)
        await asyncio.sleep(0.05)
        assert machine.resolver.zones == told


async def test_no_more_is_answered_than_a_machine_has_need_of(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with machine.running():
        # In no time: a busy machine may take seconds, in which there is an allowance for more.
        now = machine.clock.monotonic()
        monkeypatch.setattr(machine.clock, "monotonic", lambda: now)
        query = dns.message.make_query("nas.home.internal", "A").to_wire()
        answers = [machine.naming._answer(query, False) for _ in range(int(NAME_QUERIES_BURST) * 3)]
        unanswered = sum(each is None for each in answers)
        assert 0 < unanswered <= len(answers) - NAME_QUERIES_BURST
        assert machine.naming.counters["too_many"] == unanswered


async def test_a_network_that_is_to_have_no_names_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(Config(dns=False), monkeypatch)
    machine.found = RESOLVED
    async with machine.running():
        assert machine.naming.status() == NamesStatus(zone="home.internal", means="off")
    assert machine.resolver.zones == []


async def test_names_are_turned_off_and_on_while_the_network_is_up(machine: Machine) -> None:
    machine.found = RESOLVED
    async with machine.running():
        machine.naming.use(Config(dns=False))
        await eventually(lambda: machine.resolver.zones[1:] == [None])
        assert machine.naming.status() == NamesStatus(zone="home.internal", means="off")
        machine.naming.use(Config())
        await eventually(lambda: machine.naming.status().means == RESOLVED)
        assert len(await machine.ask("nas.home.internal")) == 1


async def test_resolved_is_told_again_where_the_machine_is_at_another_place(
    machine: Machine,
) -> None:
    machine.found = RESOLVED
    async with machine.running():
        [zone] = machine.resolver.zones
        machine.naming.network_changed(has_moved=True)
        await eventually(lambda: len(machine.resolver.zones) == 2)
        assert machine.resolver.zones == [zone, zone]
        machine.resolver.fault = "it is gone"
        machine.naming.network_changed(has_moved=True)
        await eventually(lambda: "it is gone" in machine.naming.status().trouble)
        assert machine.naming.status().means == "none"


async def test_what_fails_is_tried_ever_more_rarely(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.found, machine.resolver.fault = RESOLVED, "access denied"
    monkeypatch.setattr(naming, "LOOK_AGAIN_S", 0.02)
    monkeypatch.setattr(naming, "RETRY_S_MAX", 0.04)
    async with machine.running():
        await eventually(lambda: machine.naming._failures >= 3)
        machine.resolver.fault = ""
        await eventually(lambda: machine.naming.status().means == RESOLVED)
        assert machine.naming._failures == 0


async def test_without_root_resolvconf_counts_once_the_unit_has_told_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine = Machine(Config(), monkeypatch)
    machine.found = RESOLVCONF
    async with machine.running():
        status = machine.naming.status()
        assert status.means == "none"
        assert "wants root" in status.trouble
        machine.written.add(status.server.partition(":")[0])
        assert machine.naming.status().means == RESOLVCONF
        assert machine.naming.status().trouble == ""
