"""A relay asks its router for some of the ports that it lends, and for TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from meshdht.daemon.lent_ports import LentPorts
from meshdht.endpoint import Endpoint
from meshdht.limits import ROUTER_PORTS_TRIED, ROUTER_RELAY_PORTS
from meshdht.paths.port_control import PCP, Mapping
from meshdht.wire.port_mapping import Transport
from tests.engine.eventually import eventually

OUTSIDE = "25.0.0.1"
FIRST = 41900
NUMBERS = range(FIRST, FIRST + 256)


@dataclass
class Asked:
    number: int
    transport: Transport
    on_change: Callable[[], None]
    mapping: Mapping | None = None
    done: list[str] = field(default_factory=list)

    def gives(self, number: int, host: str = OUTSIDE) -> None:
        self.mapping = Mapping(PCP, Endpoint(host, number))
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


class Router:
    def __init__(self, *, is_there: bool = True) -> None:
        self.asked: list[Asked] = []
        self._is_there = is_there

    def ask(self, number: int, transport: Transport, on_change: Callable[[], None]) -> Asked:
        if not self._is_there:
            raise OSError
        self.asked.append(Asked(number, transport, on_change))
        return self.asked[-1]

    def of(self, transport: Transport) -> list[Asked]:
        return [each for each in self.asked if each.transport is transport]


@asynccontextmanager
async def asking(lent: LentPorts, router: Router) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(lent.run(router.ask))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        yield
        task.cancel()


async def test_so_many_ports_are_asked_for_and_tcp_and_all_is_withdrawn_at_the_end() -> None:
    router, changes = Router(), list[None]()
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
        lent.check(ask_again=True)
        lent.leave()
    for each in router.asked:
        assert each.done == ["checked True", "left", "withdrawn"]
    assert [lent.udp, lent.stream] == [frozenset(), None]


async def test_instead_of_one_that_gets_another_number_the_next_is_asked_for() -> None:
    router = Router()
    lent = LentPorts(NUMBERS, 0, lambda: None)
    async with asking(lent, router):
        refused = router.asked[0]
        refused.gives(50000)
        await eventually(lambda: len(router.asked) == ROUTER_RELAY_PORTS + 1)
        assert refused.done == ["withdrawn"]
        assert router.asked[-1].number == FIRST + ROUTER_RELAY_PORTS
        assert lent.udp == frozenset()


async def test_a_router_that_gives_nothing_as_asked_is_not_asked_for_ever() -> None:
    router = Router()
    lent = LentPorts(NUMBERS, 0, lambda: None)
    async with asking(lent, router):
        for number in range(ROUTER_PORTS_TRIED):
            await eventually(lambda: len(router.asked) > number)  # noqa: B023
            router.asked[number].gives(50000)
        await asyncio.sleep(0.05)
        assert len(router.asked) == ROUTER_PORTS_TRIED


async def test_an_outside_within_another_network_is_none() -> None:
    router = Router()
    lent = LentPorts(NUMBERS, 443, lambda: None)
    async with asking(lent, router):
        router.of(Transport.TCP)[0].gives(443, "10.0.0.7")
        router.of(Transport.UDP)[0].gives(FIRST, "10.0.0.7")
        await asyncio.sleep(0.01)
        assert (lent.udp, lent.stream) == (frozenset(), None)


async def test_an_address_that_has_just_gone_ends_nothing() -> None:
    lent = LentPorts(NUMBERS, 443, lambda: None)
    async with asking(lent, Router(is_there=False)):
        assert lent.udp == frozenset()
