"""What a relay behind a router that opens ports needs of it beside the mesh's own port: some of the
ports that it lends, and TCP for streams.

A lent port is told to others by its number here. So one counts only if the router gives the same
number on its outside; if it does not, the next one is asked for. For streams any number will do,
since the record says which.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from meshdht.endpoint import Endpoint
from meshdht.limits import ROUTER_PORTS_TRIED, ROUTER_RELAY_PORTS
from meshdht.paths.port_control import Mapping
from meshdht.wire.port_mapping import Transport


class Asked(Protocol):
    """A router that is asked for one port (``RouterPort``)."""

    @property
    def mapping(self) -> Mapping | None: ...

    def check(self, *, ask_again: bool) -> None: ...

    def leave(self) -> None: ...

    async def run(self) -> None: ...


# Asks for a port of ours; the function hears of changes.
Ask = Callable[[int, Transport, Callable[[], None]], Asked]


class LentPorts:
    """``numbers``: the UDP ports that may be lent; ``tcp``: where streams are served, 0 for
    nowhere. ``on_change()``: look at ``udp`` and ``stream``."""

    def __init__(self, numbers: Iterable[int], tcp: int, on_change: Callable[[], None]) -> None:
        self._numbers = list(numbers)[:ROUTER_PORTS_TRIED]
        self._tcp = tcp
        self._on_change = on_change
        self._changed = asyncio.Event()
        self._asked: dict[int, tuple[Asked, asyncio.Task[None]]] = {}
        self._stream: Asked | None = None

    @property
    def udp(self) -> frozenset[int]:
        """The ports that whoever sends to the router's outside reaches."""
        found = ((number, router.mapping) for number, (router, _) in self._asked.items())
        return frozenset(number for number, each in found if each and _is_same(each, number))

    @property
    def stream(self) -> Endpoint | None:
        """Where the router's outside leads to our streams."""
        mapping = self._stream.mapping if self._stream is not None else None
        return mapping.outer if mapping is not None and mapping.is_public else None

    def check(self, *, ask_again: bool) -> None:
        """As of ``RouterPort``."""
        for router in self._routers():
            router.check(ask_again=ask_again)

    def leave(self) -> None:
        """What the router gave is to stay when this ends."""
        for router in self._routers():
            router.leave()

    def _routers(self) -> list[Asked]:
        asked = [router for router, _ in self._asked.values()]
        return [*asked, self._stream] if self._stream is not None else asked

    async def run(self, ask: Ask) -> None:
        """Until cancelled; what the router gave is withdrawn then."""
        untried = iter(self._numbers)
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._tcp:
                    with contextlib.suppress(OSError):  # our address has gone; a change follows
                        self._stream = ask(self._tcp, Transport.TCP, self._changed.set)
                        tasks.create_task(self._stream.run())
                while True:
                    self._changed.clear()
                    self._ask_for_more(tasks, untried, ask)
                    self._on_change()
                    await self._changed.wait()
        finally:
            self._asked.clear()
            self._stream = None
            self._on_change()

    def _ask_for_more(self, tasks: asyncio.TaskGroup, untried: Iterator[int], ask: Ask) -> None:
        """Ask for others where the router gave another number than ours."""
        for each, (router, task) in list(self._asked.items()):
            if router.mapping is not None and not _is_same(router.mapping, each):
                task.cancel()
                del self._asked[each]
        for _ in range(ROUTER_RELAY_PORTS - len(self._asked)):
            number = next(untried, None)
            if number is not None:
                with contextlib.suppress(OSError):
                    router = ask(number, Transport.UDP, self._changed.set)
                    self._asked[number] = (router, tasks.create_task(router.run()))


def _is_same(mapping: Mapping, number: int) -> bool:
    return mapping.is_public and mapping.outer.port == number
