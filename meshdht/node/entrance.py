"""How a node gets into the DHT, at its start and whenever it finds itself outside.

All who may let it in are asked at once (see ``dht.bootstrap``): where peers were last reached,
the DHT's remembered contacts, the hints of the invite, the anchors that the user named, and who
was heard on the LAN. While nobody answers it tries again, ever more rarely; at once when the
network changes or somebody is heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice

from meshdht.clock import Entropy
from meshdht.dht.dht import Dht
from meshdht.endpoint import Endpoint
from meshdht.limits import HEARD_ENDPOINTS
from meshdht.waiting import set_within

# Pauses while nobody answers; the last one repeats.
RETRY_S = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
# How many endpoints of each source are asked again, another choice each time.
RETRY_WIDTH = 16
# How often one who is inside looks whether that is still so; costs nothing.
CHECK_S = 60.0


class Entrance:
    """``on_entered`` is called each time that it gets in."""

    def __init__(
        self,
        dht: Dht,
        entropy: Entropy,
        peers: Sequence[Endpoint],
        hints: Sequence[Endpoint],
        on_entered: Callable[[], None],
    ) -> None:
        self._dht = dht
        self._entropy = entropy
        self._sources: dict[str, Sequence[Endpoint]] = {"peers": peers, "hints": hints}
        self._heard: dict[Endpoint, None] = {}
        """Who spoke to us: the latest last."""
        self._on_entered = on_entered
        self._is_wide = True
        """The next try asks all, not a few of each source."""
        self._again = asyncio.Event()
        self.tried = asyncio.Event()
        """Set once it is in, or has asked everybody in vain."""

    @property
    def places(self) -> list[Endpoint]:
        """Where somebody of the network may be, or was."""
        return [endpoint for _, each in self._ways() for endpoint in each]

    def set_anchors(self, anchors: Sequence[Endpoint]) -> None:
        """Where the anchors that the user named are now."""
        self._sources["anchors"] = anchors
        self._ask_soon("anchors", anchors)

    def heard(self, endpoint: Endpoint) -> None:
        """A member spoke to us from there."""
        self._heard.pop(endpoint, None)
        self._heard[endpoint] = None
        if len(self._heard) > HEARD_ENDPOINTS:
            del self._heard[next(iter(self._heard))]
        self._ask_soon("heard", [endpoint])

    def _ask_soon(self, source: str, endpoints: Sequence[Endpoint]) -> None:
        if not self._dht.is_entered and not self._dht.also_ask(source, endpoints):
            self._again.set()

    def network_changed(self) -> None:
        """What was in vain may not be now."""
        self._dht.network_changed()
        if not self._dht.is_entered:
            self._is_wide = True
            self._again.set()

    async def run(self) -> None:
        """Get in, and in again, until cancelled."""
        failures = 0
        while True:
            self._again.clear()
            if not self._dht.is_entered:
                wide, self._is_wide = self._is_wide, False
                await self._try(wide=wide)
                self.tried.set()
                pause = RETRY_S[min(failures, len(RETRY_S) - 1)]
                failures += 1
            if self._dht.is_entered:
                self._is_wide = True
                failures = 0
                pause = CHECK_S
            if await set_within(self._again, pause * self._entropy.uniform(0.8, 1.2)):
                failures = 0

    async def _try(self, *, wide: bool) -> None:
        """One race, given up if there is reason to start anew."""
        named = {source: self._chosen(each, wide=wide) for source, each in self._ways()}
        async with asyncio.TaskGroup() as tasks:
            race = tasks.create_task(self._race(named))
            again = tasks.create_task(self._again.wait())
            await asyncio.wait([race, again], return_when=asyncio.FIRST_COMPLETED)
            again.cancel()
            race.cancel()

    async def _race(self, named: dict[str, list[Endpoint]]) -> None:
        await self._dht.bootstrap(others=named, on_entered=self._entered)

    def _entered(self) -> None:
        self.tried.set()
        self._on_entered()

    def _ways(self) -> list[tuple[str, Sequence[Endpoint]]]:
        return [*self._sources.items(), ("heard", list(reversed(self._heard)))]

    def _chosen(self, endpoints: Sequence[Endpoint], *, wide: bool) -> list[Endpoint]:
        """All, or a few drawn by lot."""
        if wide or len(endpoints) <= RETRY_WIDTH:
            return list(endpoints)
        drawn = sorted(endpoints, key=lambda endpoint: self._entropy.uniform(0.0, 1.0))
        return list(islice(drawn, RETRY_WIDTH))
