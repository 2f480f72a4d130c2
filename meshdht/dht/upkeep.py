"""Keeps the table and the storage true while nothing happens (Kademlia paper, section 2.3).

Each round is small: a few contacts that were quiet for long are pinged, a few that died are
tried again, one bucket that nobody looked into is refreshed. What a round asks for is a cap,
so that idle traffic is bounded whatever the size of the table.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from meshdht.clock import Entropy
from meshdht.dht.inflight import Answer
from meshdht.dht.messages import ID_SIZE, Ping
from meshdht.dht.protocol import DhtProtocol
from meshdht.dht.storage import RecordStorage
from meshdht.dht.table import Bucket

ROUND_S = 60.0
# A contact that died costs a look-up a quarter of a second at most. One behind a NAT, whose filter
# is closed to us, dies by the ping that would have found out.
QUIET_S = 3 * 3600.0
# The paper refreshes a bucket every hour, since its nodes are strangers that come and go. Ours are
# the devices of one person.
REFRESH_S = 6 * 3600.0
PINGS_PER_ROUND = 4
# A dead contact is tried again, with one datagram, after four minutes, sixteen, an hour … at most
# this. One that comes back asks others itself, and is met that way.
REVIVAL_GROWTH = 4
REVIVAL_LONGEST_S = 6 * 3600.0


class Upkeep:
    """Rounds of upkeep for one node."""

    def __init__(
        self,
        protocol: DhtProtocol,
        storage: RecordStorage,
        explore: Callable[[bytes], Awaitable[None]],
        entropy: Entropy,
    ) -> None:
        self._protocol = protocol
        self._storage = storage
        self._explore = explore
        self._entropy = entropy
        self._tried: dict[bytes, float] = {}

    async def run(self) -> None:
        """Rounds until cancelled, jittered so that a network's do not fall together."""
        while True:
            await asyncio.sleep(self._entropy.uniform(0.75, 1.25) * ROUND_S)
            await self.round()

    async def round(self) -> None:
        """One round; returns when its pings are settled."""
        now = asyncio.get_running_loop().time()
        self._storage.expire()
        pings = [*self._ping_quiet(now), *self._revive(now)]
        if pings:
            await asyncio.wait(pings)
        await self.refresh(limit=1)

    def _ping_quiet(self, now: float) -> list[asyncio.Future[Answer | None]]:
        quiet = [node for node in self._protocol.router if now - node.seen > QUIET_S]
        quiet.sort(key=lambda node: node.seen)
        return [self._protocol.ask(node, Ping()) for node in quiet[:PINGS_PER_ROUND]]

    def _revive(self, now: float) -> list[asyncio.Future[Answer | None]]:
        """Try the dead of buckets that have room, each less and less often."""
        due = []
        waiting: dict[bytes, float] = {}
        for bucket in self._protocol.router.ranges():
            if len(bucket) >= bucket.ksize:
                continue
            for node in reversed(bucket.replacements()):
                # One that is seen here for the first time has just died, unless it never failed.
                tried = self._tried.get(node.id, now if node.failures else -math.inf)
                growth = REVIVAL_GROWTH ** min(node.failures, 10)
                if now - tried >= min(ROUND_S * growth, REVIVAL_LONGEST_S):
                    due.append(node)
                else:
                    waiting[node.id] = tried
        chosen = due[:PINGS_PER_ROUND]
        self._tried = waiting | {node.id: now for node in chosen}
        return [self._protocol.ask(node, Ping(), sendings=1) for node in chosen]

    async def refresh(self, *, limit: int) -> None:
        """Look up a random id in each of up to ``limit`` buckets that nobody looked into."""
        for _ in range(limit):
            now = asyncio.get_running_loop().time()
            ranges = self._protocol.router.ranges()
            stale = [bucket for bucket in ranges if now - bucket.refreshed > REFRESH_S]
            if not stale or len(ranges) == 1:
                return
            bucket = min(stale, key=lambda bucket: bucket.refreshed)
            bucket.refreshed = now
            await self._explore(self._random_id(bucket))

    def _random_id(self, bucket: Bucket) -> bytes:
        low, high = bucket.range
        drawn = int.from_bytes(self._entropy.token(ID_SIZE), "big")
        return (low + drawn % (high - low + 1)).to_bytes(ID_SIZE, "big")
