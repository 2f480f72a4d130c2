"""A look-up for whom the table does not know yet: what keeps a bucket fresh.

What the nearest contacts know of an id's surroundings is asked of one on each path, and most of
it is known here already. Only who would get a place in the table is asked as well.
"""

from __future__ import annotations

from meshdht.dht.lookup import NodeLookup
from meshdht.dht.table import RemoteNode


class Exploration(NodeLookup):
    """Finds newcomers near an id. In an empty table it asks as many as any look-up."""

    def _wanted(self, group: list[RemoteNode]) -> list[RemoteNode]:
        """The nearest, and whoever is new."""
        return [node for i, node in enumerate(group) if i == 0 or self._is_news(node)]

    def _is_news(self, node: RemoteNode) -> bool:
        router = self.protocol.router
        if node.id in self._states:
            # Who was new when it was asked is waited for.
            return True
        return router.find(node.id) is None and router.has_place_for(node)
