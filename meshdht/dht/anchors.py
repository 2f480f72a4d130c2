"""The anchors among the contacts: asked and told by themselves, and only when that is meant.

An anchor belongs to nobody, so that look-ups and publications of members pass it over. Whoever
is to speak with the anchors asks all that answer: there are few, and none is nearer than another.
"""

from __future__ import annotations

import asyncio

from meshdht.dht.messages import NEVER, FindValue, Outcome, Stored, StoreValue, Value
from meshdht.dht.protocol import DhtProtocol
from meshdht.dht.table import RemoteNode
from meshdht.errors import RemoteError
from meshdht.limits import DHT_ANCHORS


class Anchors:
    """Those contacts of one node that are anchors."""

    def __init__(self, protocol: DhtProtocol) -> None:
        self._protocol = protocol

    def contacts(self) -> list[RemoteNode]:
        """The anchors in the table, who answered last first."""
        known = [node for node in self._protocol.router if self._protocol.is_anchor(node.id)]
        known.sort(key=lambda node: node.seen, reverse=True)
        return known[:DHT_ANCHORS]

    def ids(self) -> list[bytes]:
        return [node.id for node in self.contacts()]

    async def hand_in(self, key: bytes, value: bytes) -> int:
        """Store at each that does not hold this or a newer one; how many hold it then.

        Raises RemoteError if the value does not verify.
        """
        sequence = self._protocol.verify(key, value)
        held = await asyncio.gather(
            *(self._hand_in(node, key, value, sequence) for node in self.contacts())
        )
        return sum(held)

    async def _hand_in(self, node: RemoteNode, key: bytes, value: bytes, sequence: int) -> bool:
        answer = await self._protocol.ask(node, FindValue(key, NEVER))
        if answer is None or not isinstance(answer.reply, Value):
            return False
        if answer.reply.sequence >= sequence:
            return True
        stored = await self._protocol.ask(node, StoreValue(key, value))
        if stored is None or not isinstance(stored.reply, Stored):
            return False
        return stored.reply.outcome in (Outcome.STORED, Outcome.SAME)

    async def ask(self, key: bytes) -> bytes | None:
        """The newest verified value that any of them holds."""
        contacts = self.contacts()
        answers = await asyncio.gather(
            *(self._protocol.ask(node, FindValue(key, 0)) for node in contacts)
        )
        best: bytes | None = None
        newest = 0
        for answer in answers:
            if answer is None or not isinstance(answer.reply, Value) or not answer.reply.value:
                continue
            try:
                sequence = self._protocol.verify(key, answer.reply.value)
            except RemoteError:
                self._protocol.counters["bad value"] += 1
                continue
            if sequence > newest:
                best, newest = answer.reply.value, sequence
        return best
