"""Iterative look-ups (Kademlia paper, section 2.3) that never wait for the slowest.

A node is *slow* once most replies would have come (``hedge_after``): it no longer takes one of
the places in flight nor one among the k nearest, so that another is asked in its stead; should
it answer after all, it counts again. Known-doubtful contacts are slow from the start.

In a network larger than k a look-up goes disjoint ways (S/Kademlia, section 4.4): the contacts
it begins with are dealt out to paths, what a node tells belongs to the path that asked it, and
no node is asked by two. Each path must have its own nearest answered. A liar's accomplices,
however near they claim to be, push nobody out of the other paths; nor do they push out contacts
of our own that are as near as a holder must be (``_own_witnesses``).

All of our contacts around an id may be liars, and so all these paths theirs. Paths that begin
elsewhere (``_begin_elsewhere``), each with a contact drawn by lot from the whole table, lead out:
a publication and an exploration have a few; a value not found is asked for once more by them.

A value look-up asks a majority of the k nearest that answer: a publication that a majority
acknowledged cannot be missed. Only a few are asked for the bytes, the others for the sequence
they hold; who claims a newer one is asked for it.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Iterable, Iterator
from math import ceil

from meshdht.dht.base import Node, SpiderCrawl
from meshdht.dht.candidates import Candidates
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
from meshdht.limits import DHT_LOOKUP_REQUESTS

# S/Kademlia's d: its simulations find little gained by more.
DISJOINT_PATHS = 3
# Contacts drawn by lot for an exploration and a publication; for a value that is not found, more.
# Each costs a few requests, since its path ends where the others do.
STRANGERS = 3


class State(enum.Enum):
    ASKED = 1
    SLOW = 2
    ANSWERED = 3
    FAILED = 4


_OUT = (State.SLOW, State.FAILED)


class NodeLookup(SpiderCrawl):
    """Finds the k nodes nearest to an id that answer."""

    asks_anchors = True
    """Where a record is looked for or put, an anchor is not to hear of it (see anchors.py)."""

    def __init__(self, protocol: DhtProtocol, target: bytes, ksize: int, alpha: int) -> None:
        super().__init__(protocol, Node(target), [], ksize, alpha)
        self.protocol = protocol
        self.nearest = Candidates(self.node, ksize)
        seeds = self._seeds()
        count = DISJOINT_PATHS if len(seeds) >= ksize else 1
        self.paths: list[Candidates] = []
        """Of each, as many of the nearest as its ``maxsize`` must have answered."""
        self._known: dict[bytes, RemoteNode] = {}
        self._states: dict[bytes, State] = {}
        self._path_of: dict[bytes, int] = {}
        """The path that asked a node, or has one of our own contacts to begin with."""
        for number in range(count):
            self._begin_path(ceil(ksize / count), seeds[number::count])
        self._witnesses = self._own_witnesses(seeds)
        self._fresh: dict[bytes, int] = {}
        """Nodes that are asked and not slow yet, by id; the path that asked."""
        self._requests = 0
        self.asked = 0
        """Requests that it has sent, for whoever wants to know."""
        self._wake = asyncio.Event()

    def _seeds(self) -> list[RemoteNode]:
        """Contacts of ours to begin with, nearest first."""
        near = self.protocol.router.find_neighbors(self.node, itself=True)
        return [node for node in near if self._is_eligible(node.id)]

    def _is_eligible(self, node_id: bytes) -> bool:
        return self.asks_anchors or not self.protocol.is_anchor(node_id)

    def _own_witnesses(self, seeds: list[RemoteNode]) -> list[RemoteNode]:
        """Our contacts that may be among the k nearest, to judge by how far from ourselves our
        own k nearest are."""
        own = self.protocol.source_node
        around = self.protocol.router.find_neighbors(own)
        if len(around) < self.ksize:
            return seeds
        reach = 2 * around[-1].distance_to(own)
        return [seed for seed in seeds if seed.distance_to(self.node) <= reach]

    def _begin_path(self, share: int, contacts: Iterable[RemoteNode] = ()) -> int:
        path = len(self.paths)
        self.paths.append(Candidates(self.node, share))
        for contact in contacts:
            self._path_of[contact.id] = path
            self._insert(contact, path)
        return path

    def hear(self, told: Iterable[WireContact]) -> None:
        """Go on from what somebody says who was asked before."""
        self.learn(told)

    def _begin_elsewhere(self, count: int) -> None:
        """Begin so many paths more, each with a contact drawn by lot from those that no path has
        yet. In a network no larger than k there is no elsewhere."""
        if len(self.paths) == 1:
            return
        others = [
            node
            for node in self.protocol.router
            if node.id not in self._known and self._is_eligible(node.id)
        ]
        others.sort(key=lambda _: self.protocol.entropy.uniform(0.0, 1.0))
        for stranger in others[:count]:
            self._begin_path(self.alpha, [stranger])

    def _insert(self, node: RemoteNode, path: int) -> None:
        self._known[node.id] = node
        self.nearest.insert(node)
        self.paths[path].insert(node)
        if self._states.get(node.id) in _OUT:
            self.paths[path].set_aside(node)

    def _mark(self, node: RemoteNode, state: State) -> None:
        self._states[node.id] = state
        for candidates in (self.nearest, *self.paths):
            if state in _OUT:
                candidates.set_aside(node)
            else:
                candidates.take_back(node)

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
        answered = [node for node in self.nearest.nearest_first() if self._is_answered(node)]
        return answered[: self.ksize]

    def holders(self) -> list[RemoteNode]:
        """Nodes that answered and should hold what is stored: the k nearest, the nearest of
        each path, our own witnesses."""
        groups = [self.answered(), self._witnesses]
        groups += [path.nearest_first() for path in self.paths]
        sizes = [self.ksize, self.ksize, *(path.maxsize for path in self.paths)]
        chosen: dict[bytes, RemoteNode] = {}
        for group, size in zip(groups, sizes, strict=True):
            answered = [node for node in group if self._is_answered(node)]
            chosen |= {node.id: node for node in answered[:size]}
        return list(chosen.values())

    def slow(self) -> list[RemoteNode]:
        """Nodes that have not answered yet, nearest first."""
        return self._slow()[: self.ksize]

    def _slow(self) -> list[RemoteNode]:
        return [n for n in self.nearest.aside() if self._states[n.id] is State.SLOW]

    def horizon(self) -> list[RemoteNode]:
        """The k nearest that are neither slow nor dead."""
        return self.nearest.nearest_first(self.ksize)

    def _witnesses_in_time(self) -> list[RemoteNode]:
        near = [node for node in self._witnesses if self._states.get(node.id) not in _OUT]
        return near[: self.ksize]

    def _path_horizon(self, path: int) -> list[RemoteNode]:
        return self.paths[path].nearest_first(self.paths[path].maxsize)

    def _launch(self) -> None:
        arrived = True
        for path in range(len(self.paths)):
            arrived &= self._advance(path)
        if arrived:
            for group in (self.horizon(), self._witnesses_in_time()):
                for node in self._wanted(group):
                    if self._is_to_ask(node) and len(self._fresh) < self.ksize:
                        self._ask(node)

    def _advance(self, path: int) -> bool:
        """Ask on in one path, a few at a time while it closes in; True once it has arrived."""
        while True:
            horizon = self._path_horizon(path)
            few = self._few()
            arrived = all(map(self._is_answered, horizon[:few]))
            # Everybody at once where there is no way to go.
            share = self.paths[path].maxsize
            width = share if arrived or len(horizon) < share else few
            fresh = list(self._fresh.values()).count(path)
            wanted = self._wanted(horizon) if fresh < width else []
            node = next((node for node in wanted if self._is_to_ask(node)), None)
            if node is None or not self._ask(node, path):
                return arrived

    def _few(self) -> int:
        """So many a path asks at a time, until so many of its nearest have answered."""
        return ceil(self.alpha / len(self.paths))

    def _wanted(self, group: list[RemoteNode]) -> list[RemoteNode]:
        """Those of a group, nearest first, whose answers the look-up needs."""
        return group

    def _is_answered(self, node: RemoteNode) -> bool:
        return self._states.get(node.id) is State.ANSWERED

    def _is_to_ask(self, node: RemoteNode) -> bool:
        return node.id not in self._states

    def _ask(self, node: RemoteNode, path: int | None = None) -> bool:
        """False if the look-up has sent all that it may. Without a path given, the node's own
        or the first that was told of it takes what it tells."""
        if self._requests >= DHT_LOOKUP_REQUESTS:
            return False
        if path is None:
            # All paths may have let go of it, for nearer ones, and yet it is a witness.
            told = (i for i, candidates in enumerate(self.paths) if node in candidates)
            path = self._path_of.get(node.id, next(told, 0))
        self._path_of.setdefault(node.id, path)
        self._requests += 1
        request = self._request_to(node)
        if node.failures:
            self._mark(node, State.SLOW)
        else:
            self._mark(node, State.ASKED)
            self._fresh[node.id] = self._path_of[node.id]
        self._send(node, request, lambda: self._is_slow(node))
        return True

    def _send(
        self, node: RemoteNode, request: Request, on_slow: Callable[[], None] | None = None
    ) -> None:
        self.asked += 1
        future = self.protocol.ask(node, request, on_slow)
        future.add_done_callback(lambda done: self._settled(node, done))

    def _is_slow(self, node: RemoteNode) -> None:
        self._mark(node, State.SLOW)
        self._fresh.pop(node.id, None)
        self._wake.set()

    def _settled(self, node: RemoteNode, done: asyncio.Future[Answer | None]) -> None:
        self._fresh.pop(node.id, None)
        answer = None if done.cancelled() else done.result()
        if answer is None or answer.sender != node.id:
            self._mark(node, State.FAILED)
        else:
            self._mark(node, State.ANSWERED)
            self._take(node, answer.reply)
        self._wake.set()

    def learn(self, contacts: Iterable[WireContact], path: int = 0) -> None:
        """Take in, for one path, what somebody on it says of where to go on."""
        ids = self.paths[path].ids
        for told in contacts:
            if told.node_id in ids:
                continue
            enters = self.protocol.admission.may_enter(told.node_id)
            if enters and self._is_eligible(told.node_id):
                node = self._known.get(told.node_id) or self.protocol.contact(told)
                if node is not None:
                    self._insert(node, path)

    def _request_to(self, node: RemoteNode) -> Request:
        return FindNode(self.node.id)

    def _take(self, node: RemoteNode, reply: Reply) -> None:
        if isinstance(reply, Nodes):
            self.learn(reply.contacts, self._path_of[node.id])

    def _is_done(self) -> bool:
        """The nearest of all, and of each path, that answer in time have answered."""
        is_anybody_in_time = False
        for group in self._groups():
            is_anybody_in_time |= bool(group)
            if not all(map(self._is_answered, self._wanted(group))):
                return self._is_exhausted()
        return is_anybody_in_time or not self._slow()

    def _groups(self) -> Iterator[list[RemoteNode]]:
        """Of whom each must have been heard, as far as they are neither slow nor dead."""
        yield self.horizon()
        yield self._witnesses_in_time()
        for path in range(len(self.paths)):
            yield self._path_horizon(path)

    def _is_exhausted(self) -> bool:
        """All requests that one look-up may send are sent, and none is in time any more."""
        return self._requests >= DHT_LOOKUP_REQUESTS and not self._fresh


class ValueLookup(NodeLookup):
    """Finds the newest value under a key, and who holds an older one or none."""

    asks_anchors = False

    def __init__(self, protocol: DhtProtocol, key: bytes, ksize: int, alpha: int) -> None:
        super().__init__(protocol, key, ksize, alpha)
        self.value = protocol.storage.get(key)
        self.sequence = protocol.storage.sequence_of(key)
        self._held: dict[bytes, int] = {}
        self._claims: set[bytes] = set()
        self._loading: set[bytes] = set()

    async def find(self) -> list[RemoteNode]:
        found = await super().find()
        if self.value is None:
            # Whoever hides a value has all the time that it takes.
            self._begin_elsewhere(4 * STRANGERS)
            found = await super().find()
        return found

    def stale(self) -> list[RemoteNode]:
        """Nodes that should hold the newest value, and answered that they do not."""
        return [node for node in self.holders() if self._held.get(node.id, 0) < self.sequence]

    def _request_to(self, node: RemoteNode) -> Request:
        if self.value is None and len(self._loading & self._fresh.keys()) >= self.alpha:
            return FindValue(self.node.id, NEVER)
        self._loading.add(node.id)
        return FindValue(self.node.id, self.sequence)

    def _is_to_ask(self, node: RemoteNode) -> bool:
        return node.id not in self._states or node.id in self._claims

    def _ask(self, node: RemoteNode, path: int | None = None) -> bool:
        self._claims.discard(node.id)
        return super()._ask(node, path)

    def _take(self, node: RemoteNode, reply: Reply) -> None:
        if not isinstance(reply, Value):
            return
        self.learn(reply.contacts, self._path_of[node.id])
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

    def _wanted(self, group: list[RemoteNode]) -> list[RemoteNode]:
        """A majority once the value is found, and whoever claims a newer one."""
        if self.value is None:
            return group
        majority = len(group) // 2 + 1
        return [n for i, n in enumerate(group) if i < majority or n.id in self._claims]

    def _is_done(self) -> bool:
        """A majority of the nearest, and of each path, has answered and one had it; or nobody
        is left to ask."""
        if self._is_exhausted():
            return True
        is_anybody_in_time = False
        for group in self._groups():
            wanted = self._wanted(group)
            is_anybody_in_time |= bool(wanted)
            if not all(self._is_answered(node) and not self._is_to_ask(node) for node in wanted):
                return False
        found = self.value is not None and is_anybody_in_time
        return found or not self._slow()
