"""A look-up that has the nodes it finds hold a value.

The look-up ends where its ways do: once the nearest that each path knows of have answered. Then
all of the nearest are sent the value, and whoever takes it tells whom it knows nearest, so that
in the end all of them have been asked. One that does not answer in time is replaced by the next
nearest, and counts should it answer after all.

A value is large: only who has answered us before, now or in its time, is sent one. Or a liar
could have us send them to whomever it names.
"""

from __future__ import annotations

from meshdht.dht.lookup import STRANGERS, NodeLookup, State
from meshdht.dht.messages import Outcome, Reply, Request, Stored, StoreValue
from meshdht.dht.protocol import DhtProtocol
from meshdht.dht.table import RemoteNode


class Publication(NodeLookup):
    """Stores a value at the k nodes nearest to its key, and at those that a liar may have hidden
    from us: the nearest of each path, our own witnesses."""

    asks_anchors = False

    def __init__(
        self,
        protocol: DhtProtocol,
        key: bytes,
        value: bytes,
        ksize: int,
        alpha: int,
        *,
        before: Publication | None = None,
    ) -> None:
        """``before``: an earlier one, whose holders are not sent the same value again."""
        super().__init__(protocol, key, ksize, alpha)
        self._store = StoreValue(key, value)
        self._is_storing = False
        self._heard = {node.id for node in protocol.router}
        self._sent: set[bytes] = set()
        self._outcomes: dict[bytes, Outcome] = {}
        if before is not None and before._store == self._store:
            held = [each for each in before._outcomes if before.is_held_by(each)]
            self._outcomes = dict.fromkeys(held, Outcome.SAME)
        self._held_before = frozenset(self._outcomes)
        self._begin_elsewhere(STRANGERS)

    async def run(self) -> None:
        """Find, store, and wait until most of those that were sent the value hold it, or nobody
        is left to wait for."""
        await self.find()
        self._is_storing = True
        self._requests = 0
        for node_id in [i for i, state in self._states.items() if state is State.ANSWERED]:
            del self._states[node_id]
        for node in self.slow():
            # Not waited for, but it may be among the nearest.
            if node.id in self._heard:
                self._send(node, self._request_to(node))
        await self.find()
        # Where much is lost, few are in time.
        while self.holding < min(self.ksize, len(self._sent)) // 2 + 1 and self.slow():
            self._wake.clear()
            await self._wake.wait()

    @property
    def holding(self) -> int:
        """How many others hold the value."""
        return self.count(Outcome.STORED) + self.count(Outcome.SAME)

    def is_held_by(self, node_id: bytes) -> bool:
        """Whether a node has acknowledged the value."""
        return self._outcomes.get(node_id) in (Outcome.STORED, Outcome.SAME)

    def count(self, outcome: Outcome) -> int:
        """How many answered so."""
        return list(self._outcomes.values()).count(outcome)

    def _wanted(self, group: list[RemoteNode]) -> list[RemoteNode]:
        if self._is_storing:
            return [node for node in group if node.id not in self._held_before]
        return group[: self._few()]

    def _launch(self) -> None:
        if not self._is_storing:
            super()._launch()
            return
        for node in [node for group in self._groups() for node in self._wanted(group)]:
            if self._is_to_ask(node):
                self._ask(node)

    def _request_to(self, node: RemoteNode) -> Request:
        if not self._is_storing or node.id not in self._heard:
            return super()._request_to(node)
        self._sent.add(node.id)
        return self._store

    def _take(self, node: RemoteNode, reply: Reply) -> None:
        if isinstance(reply, Stored):
            self._outcomes[node.id] = reply.outcome
            self.learn(reply.contacts, self._path_of[node.id])
            return
        super()._take(node, reply)
        self._heard.add(node.id)
        if self._is_storing and node.id in self._sent:
            self._mark(node, State.SLOW)
        elif self._is_storing:
            # Now it may be sent the value.
            del self._states[node.id]
