"""Whom a look-up knows of, nearest first."""

from __future__ import annotations

from bisect import bisect_left, insort
from operator import itemgetter

from meshdht.dht.base import Node, NodeHeap
from meshdht.dht.table import RemoteNode
from meshdht.limits import DHT_LOOKUP_CANDIDATES


class Candidates(NodeHeap):
    """The package's heap, kept sorted, with a set of ids beside it and an end to its growth.

    Whoever is slow or dead stands aside, so that the first few are those to wait for.
    """

    heap: list[tuple[int, RemoteNode]]  # type: ignore[assignment]

    def __init__(self, node: Node, maxsize: int) -> None:
        super().__init__(node, maxsize)
        self.ids: set[bytes] = set()
        self._aside: dict[bytes, RemoteNode] = {}

    def __contains__(self, node: object) -> bool:
        return (node.id if isinstance(node, Node) else node) in self.ids

    def insert(self, node: RemoteNode) -> None:
        """Put a node in its place, if it is not in yet; too many, and the farthest goes."""
        if node.id in self.ids:
            return
        insort(self.heap, (self.node.distance_to(node), node))
        self.ids.add(node.id)
        if len(self.ids) > DHT_LOOKUP_CANDIDATES:
            _, farthest = self.heap.pop()
            self.ids.discard(farthest.id)

    def set_aside(self, node: RemoteNode) -> None:
        """It is not waited for any more."""
        if node.id in self.ids and node.id not in self._aside:
            place = bisect_left(self.heap, self.node.distance_to(node), key=itemgetter(0))
            del self.heap[place]
            self._aside[node.id] = node

    def take_back(self, node: RemoteNode) -> None:
        """It has answered after all."""
        if self._aside.pop(node.id, None) is not None:
            insort(self.heap, (self.node.distance_to(node), node))

    def nearest_first(self, size: int | None = None) -> list[RemoteNode]:
        """The nearest ``size`` (or all) that are neither slow nor dead."""
        return [node for _, node in self.heap[:size]]

    def aside(self) -> list[RemoteNode]:
        """Those that are slow or dead, nearest first."""
        return sorted(self._aside.values(), key=self.node.distance_to)
