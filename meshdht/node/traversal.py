"""What gets a device through NATs beyond an ordinary punch, in one hand."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.nat_checks import NatChecks
from meshdht.node.nat_talk import NatTalk
from meshdht.node.peers import Peers
from meshdht.node.ports import WaysOut
from meshdht.node.punching import Puncher
from meshdht.node.sightings import Sightings
from meshdht.paths.candidate import PathKind
from meshdht.records.endpoint import NatBehaviour


class Traversal:
    """Without ``ways`` it does for others what needs none, and nothing for itself."""

    def __init__(
        self,
        own_id: DeviceId,
        control: ControlPort,
        holdings: NodeHoldings,
        peers: Peers,
        ways: WaysOut | None,
        call: Callable[[DeviceId], object],
    ) -> None:
        self._holdings = holdings
        self._peers = peers
        self.talk = NatTalk(own_id, control, peers, ways)
        where = control, peers.beyond, peers.vantage
        self.checks = NatChecks(*where, self.talk, ways, self._nat_of)
        self.puncher = Puncher(
            *where,
            Sightings(*where, self.talk),
            ways,
            self._nat_of,
            call,
            self._opened,
            self._closed,
        )

    def _nat_of(self, device: DeviceId) -> NatBehaviour:
        record = self._holdings.cache.record(device)
        return record.nat if record is not None else NatBehaviour.UNKNOWN

    def _opened(self, leg: Endpoint, far: Endpoint) -> None:
        self._peers.vantage.legs.opened(leg, PathKind.DIRECT, far=far)

    def _closed(self, leg: Endpoint) -> None:
        self._peers.vantage.legs.closed(leg)
        self._peers.forget(leg)

    def network_changed(self) -> None:
        """Our addresses are others than before."""
        self.checks.network_changed()
        self.puncher.network_changed()

    def connected(self) -> None:
        """A peer has a path that had none."""
        self.checks.connected()

    def counters(self) -> Counter[str]:
        """What was done, for others too."""
        asked = {f"asked_{each}": count for each, count in self.talk.counters.items()}
        return self.puncher.counters + Counter(asked)

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.checks.run())
            tasks.create_task(self.puncher.run())
