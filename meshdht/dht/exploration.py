"""Look-ups for whom the table does not know yet.

Most of what others know of an id's surroundings is known here already: on each path the nearest is
asked, and besides only who would get a place in the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from meshdht.dht.lookup import DISJOINT_PATHS, STRANGERS, NodeLookup
from meshdht.dht.messages import WireContact
from meshdht.dht.protocol import DhtProtocol
from meshdht.dht.table import RemoteNode


class Exploration(NodeLookup):
    """Finds newcomers near an id, to keep a bucket fresh. In an empty table it asks as many as any
    look-up. Liars that are alone in a bucket never tell of anybody else, so a few paths begin
    elsewhere."""

    def __init__(self, protocol: DhtProtocol, target: bytes, ksize: int, alpha: int) -> None:
        super().__init__(protocol, target, ksize, alpha)
        self._begin_elsewhere(STRANGERS)

    def _few(self) -> int:
        # Of several nearest, those that are known are not asked, and no path would arrive.
        return 1

    def _wanted(self, group: list[RemoteNode]) -> list[RemoteNode]:
        """The nearest, and whoever is new."""
        return [node for i, node in enumerate(group) if i == 0 or self._is_news(node)]

    def _is_news(self, node: RemoteNode) -> bool:
        router = self.protocol.router
        if node.id in self._states:
            # Who was new when it was asked is waited for.
            return True
        return router.find(node.id) is None and router.has_place_for(node)


class Following(Exploration):
    """An exploration that goes on from what others say, and from nothing else: by a path for each
    of them, so that liars among them push out nobody of whom the others tell."""

    def _seeds(self) -> list[RemoteNode]:
        return []

    def hear(self, told: Iterable[WireContact]) -> None:
        self.learn(told, self._begin_path(ceil(self.ksize / DISJOINT_PATHS)))
