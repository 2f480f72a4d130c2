"""Iterative look-ups (Kademlia paper, section 2.3) that never wait for the slowest.

A node is *slow* once most replies would have come (``hedge_after``): it no longer takes one of
the places in flight nor one among the k nearest, so that another is asked in its stead; should
it answer after all, it counts again. Known-doubtful contacts are slow from the start.

A value look-up asks a majority of the k nearest that answer: a publication that a majority
acknowledged cannot be missed. Only a few are asked for the bytes, the others for the sequence
they hold; who claims a newer one is asked for it.
"""

from __future__ import annotations

import asyncio
import enum
from bisect import insort

from meshdht.dht.base import Node, NodeHeap, SpiderCrawl
from meshdht.dht.inflight import Answer
from meshdht.dht.messages import (
    NEVER,
    FindNode,
    FindValue,
    Nodes,
    Reply,
    Request,
    Value,
    WireContact,
)
from meshdht.dht.protocol import DhtProtocol
from meshdht.dht.table import RemoteNode
from meshdht.errors import RemoteError
from meshdht.limits import DHT_LOOKUP_CANDIDATES, DHT_LOOKUP_REQUESTS


class _State(enum.Enum):
    ASKED = 1
    SLOW = 2
    ANSWERED = 3
    FAILED = 4


_OUT = (_State.SLOW, _State.FAILED)


class Candidates(NodeHeap):
    """The package's heap, kept sorted, with a set of ids beside it and an end to its growth."""

    heap: list[tuple[int, Node]]

    def __init__(self, node: Node, maxsize: int) -> None:
        super().__init__(node, maxsize)
        self._ids: set[bytes] = set()

    def __contains__(self, node: object) -> bool:
        return (node.id if isinstance(node, Node) else node) in self._ids

    def insert(self, node: RemoteNode) -> None:
        """Put a node in its place, one that is not in yet; too many, and the farthest goes."""
        insort(self.heap, (self.node.distance_to(node), node))
        self._ids.add(node.id)
        if len(self.heap) > DHT_LOOKUP_CANDIDATES:
            _, farthest = self.heap.pop()
            self._ids.discard(farthest.id)

    def nearest_first(self) -> list[RemoteNode]:
        return [node for _, node in self.heap if isinstance(node, RemoteNode)]


class NodeLookup(SpiderCrawl):
    """Finds the k nodes nearest to an id that answer."""

    def __init__(self, protocol: DhtProtocol, target: bytes, ksize: int, alpha: int) -> None:
        super().__init__(protocol, Node(target), [], ksize, alpha)
        self.protocol = protocol
        self.nearest = Candidates(self.node, ksize)
        for peer in protocol.router.find_neighbors(self.node, itself=True):
            self.nearest.insert(peer)
        self._states: dict[bytes, _State] = {}
        self._fresh: set[bytes] = set()
        self._requests = 0
        self._wake = asyncio.Event()

    async def find(self) -> list[RemoteNode]:
        """The nodes that answered, at most k, nearest first."""
        self._launch()
        while not self._is_done():
            self._wake.clear()
            await self._wake.wait()
            self._launch()
        return self.answered()

    def answered(self) -> list[RemoteNode]:
        """Up to k nodes that answered, nearest first."""
        return self._in_state(_State.ANSWERED)[: self.ksize]

    def slow(self) -> list[RemoteNode]:
        """Nodes that have not answered yet, nearest first."""
        return self._in_state(_State.SLOW)[: self.ksize]

    def _in_state(self, state: _State) -> list[RemoteNode]:
        return [n for n in self.nearest.nearest_first() if self._states.get(n.id) is state]

    def horizon(self) -> list[RemoteNode]:
        """The k nearest that are neither slow nor dead."""
        near: list[RemoteNode] = []
        for node in self.nearest.nearest_first():
            if self._states.get(node.id) not in _OUT:
                near.append(node)
                if len(near) == self.ksize:
                    break
        return near

    def _launch(self) -> None:
        while self._requests < DHT_LOOKUP_REQUESTS:
            horizon = self.horizon()
            if len(self._fresh) >= self._width(horizon):
                return
            wanted = self._wanted(horizon)
            node = next((node for node in wanted if self._is_to_ask(node)), None)
            if node is None:
                return
            self._ask(node)

    def _width(self, horizon: list[RemoteNode]) -> int:
        """Alpha while closing in; everybody at once where there is no way to go."""
        if len(horizon) < self.ksize:
            return self.ksize
        arrived = all(self._is_answered(node) for node in horizon[: self.alpha])
        return self.ksize if arrived else self.alpha

    def _wanted(self, horizon: list[RemoteNode]) -> list[RemoteNode]:
        """Those of the horizon whose answers the look-up needs."""
        return horizon

    def _is_answered(self, node: RemoteNode) -> bool:
        return self._states.get(node.id) is _State.ANSWERED

    def _is_to_ask(self, node: RemoteNode) -> bool:
        return node.id not in self._states

    def _ask(self, node: RemoteNode) -> None:
        self._requests += 1
        request = self._request_to(node)
        if node.failures:
            self._states[node.id] = _State.SLOW
        else:
            self._states[node.id] = _State.ASKED
            self._fresh.add(node.id)
        future = self.protocol.ask(node, request, lambda: self._is_slow(node))
        future.add_done_callback(lambda done: self._settled(node, done))

    def _is_slow(self, node: RemoteNode) -> None:
        self._states[node.id] = _State.SLOW
        self._fresh.discard(node.id)
        self._wake.set()

    def _settled(self, node: RemoteNode, done: asyncio.Future[Answer | None]) -> None:
        self._fresh.discard(node.id)
        answer = None if done.cancelled() else done.result()
        if answer is None or answer.sender != node.id:
            self._states[node.id] = _State.FAILED
        else:
            self._states[node.id] = _State.ANSWERED
            self._take(node, answer.reply)
        self._wake.set()

    def _learn(self, contacts: tuple[WireContact, ...]) -> None:
        for told in contacts:
            if told.node_id not in self.nearest and told.node_id != self.protocol.source_node.id:
                self.nearest.insert(self.protocol.contact(told))

    def _request_to(self, node: RemoteNode) -> Request:
        return FindNode(self.node.id)

    def _take(self, node: RemoteNode, reply: Reply) -> None:
        if isinstance(reply, Nodes):
            self._learn(reply.contacts)

    def _is_done(self) -> bool:
        """The k nearest that answer in time have answered."""
        horizon = self.horizon()
        if not horizon:
            return not self._in_state(_State.SLOW)
        return self._is_exhausted() or all(self._is_answered(node) for node in horizon)

    def _is_exhausted(self) -> bool:
        """All requests that one look-up may send are sent, and none is in time any more."""
        return self._requests >= DHT_LOOKUP_REQUESTS and not self._fresh


class ValueLookup(NodeLookup):
    """Finds the newest value under a key, and who holds an older one or none."""

    def __init__(self, protocol: DhtProtocol, key: bytes, ksize: int, alpha: int) -> None:
        super().__init__(protocol, key, ksize, alpha)
        self.value = protocol.storage.get(key)
        self.sequence = protocol.storage.sequence_of(key)
        self._held: dict[bytes, int] = {}
        self._claims: set[bytes] = set()
        self._loading: set[bytes] = set()

    def stale(self) -> list[RemoteNode]:
        """Nodes among the nearest that answered and lack the newest value."""
        return [node for node in self.answered() if self._held.get(node.id, 0) < self.sequence]

    def _request_to(self, node: RemoteNode) -> Request:
        if self.value is None and len(self._loading & self._fresh) >= self.alpha:
            return FindValue(self.node.id, NEVER)
        self._loading.add(node.id)
        return FindValue(self.node.id, self.sequence)

    def _is_to_ask(self, node: RemoteNode) -> bool:
        return node.id not in self._states or node.id in self._claims

    def _ask(self, node: RemoteNode) -> None:
        self._claims.discard(node.id)
        super()._ask(node)

    def _take(self, node: RemoteNode, reply: Reply) -> None:
        if not isinstance(reply, Value):
            return
        self._learn(reply.contacts)
        loaded = node.id in self._loading
        if reply.value:
            self._take_value(node, reply.value)
            return
        self._held[node.id] = reply.sequence
        if reply.sequence > self.sequence and not loaded:
            self._claims.add(node.id)

    def _take_value(self, node: RemoteNode, value: bytes) -> None:
        if value != self.value:
            try:
                sequence = self.protocol.verify(self.node.id, value)
            except RemoteError:
                self.protocol.counters["bad value"] += 1
                return
            self._held[node.id] = sequence
            if sequence > self.sequence:
                self.value, self.sequence = value, sequence
        else:
            self._held[node.id] = self.sequence
        self._claims = {claimer for claimer in self._claims if self._held[claimer] > self.sequence}

    def _wanted(self, horizon: list[RemoteNode]) -> list[RemoteNode]:
        """A majority once the value is found, and whoever claims a newer one."""
        if self.value is None:
            return horizon
        majority = len(horizon) // 2 + 1
        return [n for i, n in enumerate(horizon) if i < majority or n.id in self._claims]

    def _is_done(self) -> bool:
        """A majority of the nearest has answered and one had it; or nobody is left to ask."""
        if self._is_exhausted():
            return True
        wanted = self._wanted(self.horizon())
        if not all(self._is_answered(node) and not self._is_to_ask(node) for node in wanted):
            return False
        found = self.value is not None and bool(wanted)
        return found or not self._in_state(_State.SLOW)
