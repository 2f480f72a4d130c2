"""What a relay behind routers that open ports needs of them beside the mesh's own port: some of the
ports that it lends, and TCP for streams.

A lent port is told to others by its number here. So one counts only if a router gives the same
number on its outside; if it does not, the next one is asked for, of IPv6's router (a hole) as of
IPv4's: one of the two that meet at it may come by either. For streams any number will do, since
the record says which.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from meshdht.endpoint import Endpoint
from meshdht.limits import ROUTER_PORTS_TRIED, ROUTER_RELAY_PORTS
from meshdht.net.gateway import Gateway
from meshdht.paths.port_control import Mapping
from meshdht.waiting import set_within
from meshdht.wire.port_mapping import Transport

# Between two questions, unless the answer comes sooner: a router may take a while for each, and
# some count a question that is repeated because they were slow as a renewal, which they keep.
PACE_S = 0.1


class Asked(Protocol):
    """A router that is asked for one port (``RouterPort``)."""

    @property
    def mapping(self) -> Mapping | None: ...

    def check(self, *, ask_again: bool) -> None: ...

    def leave(self) -> None: ...

    async def run(self) -> None: ...


# Asks a router for a port of ours; the function hears of changes.
Ask = Callable[[Gateway, int, Transport, Callable[[], None]], Asked]


@dataclass(frozen=True, slots=True)
class _Place:
    """A port of ours on the outside of a router."""

    gateway: Gateway
    number: int
    transport: Transport


class LentPorts:
    """``numbers``: the UDP ports that may be lent; ``tcp``: where streams are served, 0 for
    nowhere. ``on_change()``: look at ``udp`` and ``stream``."""

    def __init__(self, numbers: Iterable[int], tcp: int, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._changed = asyncio.Event()
        self.want(numbers, tcp)
        self._gateways: list[Gateway] = []
        self._asked: dict[_Place, Asked] = {}
        self._tasks: dict[_Place, asyncio.Task[None]] = {}
        self._refused: set[_Place] = set()
        """Where another number than ours was given."""

    def want(self, numbers: Iterable[int], tcp: int) -> None:
        """From now on it is these ports that are asked for."""
        self.numbers = list(numbers)[:ROUTER_PORTS_TRIED]
        """Those that may be asked for."""
        self._tcp = tcp
        self._changed.set()

    @property
    def udp(self) -> frozenset[int]:
        """The ports that whoever sends to the outside reaches: by IPv4 and IPv6, if there are
        such."""
        ipv4, ipv6 = self._opened(is_ipv6=False), self._opened(is_ipv6=True)
        return ipv4 & ipv6 or ipv4 or ipv6

    @property
    def stream(self) -> Endpoint | None:
        """Where the outside of IPv4's router leads to our streams. (Of IPv6 it is our own address,
        which is told anyway.)"""
        for place, router in self._asked.items():
            if place.transport is Transport.TCP and not place.gateway.is_ipv6:
                return router.mapping.outer if router.mapping and router.mapping.is_public else None
        return None

    def _opened(self, *, is_ipv6: bool) -> frozenset[int]:
        return frozenset(
            place.number
            for place, router in self._asked.items()
            if place.transport is Transport.UDP
            and place.gateway.is_ipv6 == is_ipv6
            and router.mapping is not None
            and _is_same(router.mapping, place)
        )

    def check(self, gateway: Gateway, *, ask_again: bool) -> None:
        """As of ``RouterPort``, for all that this router was asked for."""
        for place, router in self._asked.items():
            if place.gateway == gateway:
                router.check(ask_again=ask_again)

    def leave(self) -> None:
        """What routers gave is to stay when this ends."""
        for router in self._asked.values():
            router.leave()

    def ask_of(self, gateways: Collection[Gateway]) -> None:
        """From now on it is these routers that are asked, one a family at most."""
        self._gateways = list(gateways)
        self._refused = {each for each in self._refused if each.gateway in gateways}
        self._changed.set()

    async def run(self, ask: Ask) -> None:
        """Until cancelled; what routers gave is withdrawn then."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._changed.clear()
                    self._let_go()
                    has_asked = self._ask_next(tasks, ask)
                    self._on_change()
                    await set_within(self._changed, PACE_S if has_asked else None)
        finally:
            self._asked.clear()
            self._on_change()

    def _let_go(self) -> None:
        """Of what routers gave under another number than ours, and of what is not asked of them
        any more."""
        for place, router in self._asked.items():
            if place.transport is Transport.UDP and router.mapping is not None:
                if not _is_same(router.mapping, place):
                    self._refused.add(place)
        wanted = self._wanted()
        for place in [each for each in self._asked if each not in wanted]:
            del self._asked[place]
            self._tasks[place].cancel()
        self._tasks = {each: task for each, task in self._tasks.items() if not task.done()}

    def _ask_next(self, tasks: asyncio.TaskGroup, ask: Ask) -> bool:
        """Whether a router was asked for something that is wanted."""
        for place in self._wanted():
            if place not in self._asked:
                with contextlib.suppress(OSError):  # our address has gone; a change follows
                    router = ask(place.gateway, place.number, place.transport, self._changed.set)
                    self._asked[place] = router
                    last = self._tasks.get(place)
                    self._tasks[place] = tasks.create_task(run_after(last, router))
                    return True
        return False

    def _wanted(self) -> list[_Place]:
        refused = {each.number for each in self._refused}
        numbers = [each for each in self.numbers if each not in refused][:ROUTER_RELAY_PORTS]
        ports = [(number, Transport.UDP) for number in numbers]
        if self._tcp:
            ports.append((self._tcp, Transport.TCP))
        return [_Place(gateway, *port) for gateway in self._gateways for port in ports]


def _is_same(mapping: Mapping, place: _Place) -> bool:
    return mapping.is_public and mapping.outer.port == place.number


async def run_after(last: asyncio.Task[None] | None, router: Asked) -> None:
    """A router is asked again for what is being withdrawn from it: not the new one, too."""
    if last is not None:
        await asyncio.wait([last])
    await router.run()
