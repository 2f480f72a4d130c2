"""Who gets into the routing table: who belongs to the network and answered us, where it did.

A reply under our own message id proves a round trip and whose it is. So does a request that
echoes a token of ours and has a tag (see proof), and a path that was proved. Any other proves
nothing by itself: its sender is pinged if there is a place for it, and only if its address has
echoed a token, so that nobody can make us send to a third party. A known contact's address
changes only once the old one stays silent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from meshdht.dht.base import Node
from meshdht.dht.inflight import Answer, Inflight, RoundTripEstimate
from meshdht.dht.messages import Ping
from meshdht.dht.table import RemoteNode, Table
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_PENDING_ADMISSIONS

Belongs = Callable[[bytes], bool]
"""belongs(node id): whether it may be a contact. A member asks its roster; an anchor has none."""


def anybody(node_id: bytes) -> bool:
    """Whoever holds the packet key belongs."""
    return True


OnMet = Callable[[bytes, Endpoint], bool]
"""on_met(node id, endpoint): it is a contact from now on, or one that has moved; whether a path
to it is proved now."""


def unmet(node_id: bytes, endpoint: Endpoint) -> bool:
    """Nobody wants a path to whom is met."""
    return False


# A contact that answered this recently at its old address has not moved.
_SURE_S = 10.0


class Admission:
    """Keeps the table to proved contacts."""

    def __init__(
        self,
        own_id: bytes,
        table: Table,
        inflight: Inflight,
        counters: Counter[str],
        belongs: Belongs = anybody,
        on_met: OnMet = unmet,
    ) -> None:
        self._on_met = on_met
        self._own_id = own_id
        self._table = table
        self._inflight = inflight
        self._counters = counters
        self._belongs = belongs
        self._pending: set[bytes] = set()

    def may_enter(self, node_id: bytes) -> bool:
        """Another node, and one that belongs to the network."""
        return node_id != self._own_id and self._belongs(node_id)

    def expel(self) -> None:
        """Let go of contacts that do not belong any more."""
        for node in [*self._table, *self._table.all_replacements()]:
            if not self._belongs(node.id):
                self._table.forget(node)

    def requested(
        self, sender: bytes, source: Endpoint, is_proved: Callable[[], bool] = lambda: False
    ) -> None:
        """A request came from an address that receives what is sent to it; ``is_proved`` says
        whether the holder of the id ``sender`` wrote it."""
        if not self.may_enter(sender):
            return
        known = self._table.find(sender)
        if known is not None and known.endpoint == source and known.failures == 0:
            return
        if is_proved():
            self._proved(sender, source, RoundTripEstimate())
        elif known is not None or self._table.has_place_for(Node(sender)):
            self._prove(sender, source)

    def answered(self, answer: Answer, estimate: RoundTripEstimate) -> None:
        """A round trip with this node is done; ``estimate`` is what was learned of its address."""
        if self.may_enter(answer.sender):
            self._proved(answer.sender, answer.endpoint, estimate)

    def reached(self, node_id: bytes, endpoint: Endpoint, rtt_s: float) -> None:
        """A path leads to this node. One of several: a contact that answers elsewhere stays
        there."""
        known = self._table.find(node_id)
        if not self.may_enter(node_id) or (
            known is not None and known.endpoint != endpoint and not known.failures
        ):
            return
        estimate = RoundTripEstimate()
        estimate.sample(rtt_s)
        self._proved(node_id, endpoint, estimate)
        if (node := self._table.find(node_id)) is not None:
            node.is_reached = True

    def _proved(self, sender: bytes, endpoint: Endpoint, estimate: RoundTripEstimate) -> None:
        """This node is there."""
        now = asyncio.get_running_loop().time()
        known = self._table.find(sender)
        if known is None:
            self._meet(RemoteNode(sender, endpoint, now, estimate))
        elif known.endpoint == endpoint:
            known.seen = now
            known.failures = 0
            self._table.add_contact(known)
        elif known.failures > 0:
            self._move(known, RemoteNode(sender, endpoint, now, estimate))
        elif now - known.seen > _SURE_S:
            self._challenge(known, RemoteNode(sender, endpoint, now, estimate))

    def _meet(self, node: RemoteNode) -> None:
        self._table.add_contact(node)
        node.is_reached = self._on_met(node.id, node.endpoint)

    def _move(self, known: RemoteNode, moved: RemoteNode) -> None:
        self._table.forget(known)
        self._meet(moved)

    def _prove(self, node_id: bytes, endpoint: Endpoint) -> None:
        """Ping it; the answer comes back through ``answered``."""
        if not self._claim(node_id):
            return
        known = self._table.find(node_id)
        same = known is not None and known.endpoint == endpoint
        estimate = known.estimate if known is not None and same else RoundTripEstimate()

        def done(future: asyncio.Future[Answer | None]) -> None:
            self._pending.discard(node_id)
            answer = None if future.cancelled() else future.result()
            if answer is not None:
                self.answered(answer, estimate)

        future = self._inflight.request(Ping(), endpoint, estimate, node_id=node_id)
        future.add_done_callback(done)

    def _challenge(self, known: RemoteNode, claimed: RemoteNode) -> None:
        """The id answered elsewhere: it moves there only if its old address is silent."""
        if not self._claim(known.id):
            return

        def done(future: asyncio.Future[Answer | None]) -> None:
            self._pending.discard(known.id)
            if future.cancelled():
                return
            answer = future.result()
            if answer is not None and answer.sender == known.id:
                self._counters["claimed address"] += 1
                self.answered(answer, known.estimate)
            elif self._table.find(known.id) is known:
                self._move(known, claimed)

        future = self._inflight.request(Ping(), known.endpoint, known.estimate, node_id=known.id)
        future.add_done_callback(done)

    def _claim(self, node_id: bytes) -> bool:
        if node_id in self._pending:
            return False
        if len(self._pending) >= DHT_PENDING_ADMISSIONS:
            self._counters["too many admissions"] += 1
            return False
        self._pending.add(node_id)
        return True
