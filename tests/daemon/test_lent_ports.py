"""A relay asks its routers for some of the ports that it lends, and for TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from meshdht.daemon import lent_ports
from meshdht.daemon.lent_ports import LentPorts
from meshdht.endpoint import Endpoint
from meshdht.limits import ROUTER_PORTS_TRIED, ROUTER_RELAY_PORTS
from meshdht.net.gateway import Gateway
from meshdht.paths.port_control import PCP, Mapping
from meshdht.wire.port_mapping import Transport
from tests.engine.eventually import eventually

OUTSIDE = "25.0.0.1"
FIRST = 41900
NUMBERS = range(FIRST, FIRST + 256)
IPV4 = Gateway("192.168.1.1", 2, "192.168.1.2")
IPV6 = Gateway("fe80::1", 2, "2001:db8:1::2")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lent_ports, "PACE_S", 0.0)


@dataclass
class Asked:
    gateway: Gateway
    number: int
    transport: Transport
    on_change: Callable[[], None]
    mapping: Mapping | None = None
    done: list[str] = field(default_factory=list)

    def gives(self, number: int, host: str = OUTSIDE) -> None:
        outside = self.gateway.inner if self.gateway.is_ipv6 else host
        self.mapping = Mapping(PCP, Endpoint(outside, number))
        self.on_change()

    def check(self, *, ask_again: bool) -> None:
        self.done.append(f"checked {ask_again}")

    def leave(self) -> None:
        self.done.append("left")

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.done.append("withdrawn")


class Routers:
    def __init__(self, *, is_there: bool = True) -> None:
        self.asked: list[Asked] = []
        self._is_there = is_there

    def ask(
        self, gateway: Gateway, number: int, transport: Transport, on_change: Callable[[], None]
    ) -> Asked:
        if not self._is_there:
            raise OSError
        self.asked.append(Asked(gateway, number, transport, on_change))
        return self.asked[-1]

    def of(self, transport: Transport, gateway: Gateway = IPV4) -> list[Asked]:
        return [
            each for each in self.asked if (each.transport, each.gateway) == (transport, gateway)
        ]


@asynccontextmanager
async def asking(lent: LentPorts, router: Routers, *gateways: Gateway) -> AsyncIterator[None]:
    lent.ask_of(gateways or [IPV4])
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(lent.run(router.ask))
        for _ in range(200):
            await asyncio.sleep(0)
        yield
        task.cancel()


async def test_so_many_ports_are_asked_for_and_tcp_and_all_is_withdrawn_at_the_end() -> None:
    router, changes = Routers(), list[None]()
    lent = LentPorts(NUMBERS, 443, lambda: changes.append(None))
    async with asking(lent, router):
        numbers = [each.number for each in router.of(Transport.UDP)]
        assert numbers == list(NUMBERS[:ROUTER_RELAY_PORTS])
        (stream,) = router.of(Transport.TCP)
        assert stream.number == 443
        assert not lent.udp
        told = len(changes)
        router.of(Transport.UDP)[0].gives(FIRST)
        stream.gives(8443)
        await eventually(lambda: len(changes) > told)
        assert lent.udp == {FIRST}
        assert lent.stream == Endpoint(OUTSIDE, 8443)
        lent.check(IPV6, ask_again=False)
        lent.check(IPV4, ask_again=True)
        lent.leave()
    for each in router.asked:
        assert each.done == ["checked True", "left", "withdrawn"]
    assert [lent.udp, lent.stream] == [frozenset(), None]


async def test_instead_of_one_that_gets_another_number_the_next_is_asked_for() -> None:
    router = Routers()
    lent = LentPorts(NUMBERS, 0, lambda: None)
    async with asking(lent, router):
        refused = router.asked[0]
        refused.gives(50000)
        await eventually(lambda: len(router.asked) == ROUTER_RELAY_PORTS + 1)
        assert refused.done == ["withdrawn"]
        assert router.asked[-1].number == FIRST + ROUTER_RELAY_PORTS
        assert lent.udp == frozenset()


async def test_a_router_that_gives_nothing_as_asked_is_not_asked_for_ever() -> None:
    router = Routers()
    lent = LentPorts(NUMBERS, 0, lambda: None)
    async with asking(lent, router):
        for number in range(ROUTER_PORTS_TRIED):
            await eventually(lambda: len(router.asked) > number)  # noqa: B023
            router.asked[number].gives(50000)
        await asyncio.sleep(0.05)
        assert len(router.asked) == ROUTER_PORTS_TRIED


async def test_an_outside_within_another_network_is_none() -> None:
    router = Routers()
    lent = LentPorts(NUMBERS, 443, lambda: None)
    async with asking(lent, router):
        router.of(Transport.TCP)[0].gives(443, "10.0.0.7")
        router.of(Transport.UDP)[0].gives(FIRST, "10.0.0.7")
        await asyncio.sleep(0.01)
        assert (lent.udp, lent.stream) == (frozenset(), None)


async def test_the_router_of_ipv6_is_asked_for_the_same_ports() -> None:
    router = Routers()
    lent = LentPorts(NUMBERS, 443, lambda: None)
    async with asking(lent, router, IPV4, IPV6):
        holes = router.of(Transport.UDP, IPV6)
        assert [each.number for each in holes] == list(NUMBERS[:ROUTER_RELAY_PORTS])
        assert [each.number for each in router.of(Transport.TCP, IPV6)] == [443]
        for hole in holes[:2]:
            hole.gives(hole.number)
        # Nobody reaches it by IPv4 yet, and then not by all of these.
        assert lent.udp == {FIRST, FIRST + 1}
        first, second, third, *_ = router.of(Transport.UDP)
        second.gives(second.number)
        third.gives(third.number)
        assert lent.udp == {second.number}
        first.gives(50000)
        await eventually(lambda: "withdrawn" in holes[0].done)
        assert first.done == ["withdrawn"]
        last = [router.of(Transport.UDP, each)[-1].number for each in (IPV4, IPV6)]
        assert last == [FIRST + ROUTER_RELAY_PORTS] * 2
        assert lent.udp == {second.number}


async def test_a_router_is_asked_for_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lent_ports, "PACE_S", 600.0)
    router = Routers()
    lent = LentPorts(NUMBERS, 443, lambda: None)
    async with asking(lent, router):
        assert [each.number for each in router.asked] == [FIRST]
        router.asked[0].gives(FIRST)
        await eventually(lambda: len(router.asked) == 2)
        await asyncio.sleep(0.01)
        assert [each.number for each in router.asked] == [FIRST, FIRST + 1]


async def test_without_ipv4_it_is_the_holes_that_count() -> None:
    router = Routers()
    lent = LentPorts(NUMBERS, 443, lambda: None)
    async with asking(lent, router, IPV6):
        router.of(Transport.UDP, IPV6)[0].gives(FIRST)
        router.of(Transport.TCP, IPV6)[0].gives(443)
        assert lent.udp == {FIRST}
        # Our own address, which is told anyway.
        assert lent.stream is None


async def test_a_router_that_comes_or_goes_takes_nothing_from_the_other() -> None:
    router = Routers()
    lent = LentPorts(NUMBERS, 443, lambda: None)
    async with asking(lent, router):
        router.of(Transport.UDP)[0].gives(50000)
        await eventually(lambda: bool(router.asked[0].done or router.asked[1].done))
        lent.ask_of([IPV4, IPV6])
        await eventually(lambda: bool(router.of(Transport.UDP, IPV6)))
        assert router.of(Transport.UDP, IPV6)[0].number == FIRST + 1
        lent.ask_of([IPV4])
        holes = [each for each in router.asked if each.gateway == IPV6]
        await eventually(lambda: all(each.done == ["withdrawn"] for each in holes))
        still = [each for each in router.asked if not each.done]
        assert [each.gateway for each in still] == [IPV4] * (ROUTER_RELAY_PORTS + 1)


async def test_what_a_router_did_not_give_it_may_give_when_it_is_back() -> None:
    router = Routers()
    lent = LentPorts(NUMBERS[:1], 0, lambda: None)
    async with asking(lent, router):
        router.asked[0].gives(50000)
        await eventually(lambda: bool(router.asked[0].done))
        lent.ask_of([])
        await asyncio.sleep(0.01)
        lent.ask_of([IPV4])
        await eventually(lambda: len(router.asked) == 2)
        router.asked[1].gives(FIRST)
        assert lent.udp == {FIRST}


async def test_an_address_that_has_just_gone_ends_nothing() -> None:
    lent = LentPorts(NUMBERS, 443, lambda: None)
    async with asking(lent, Routers(is_there=False)):
        assert lent.udp == frozenset()
