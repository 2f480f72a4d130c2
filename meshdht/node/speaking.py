"""What others have a node say in the log."""

from __future__ import annotations

from meshdht.membership.statements import Statement
from meshdht.node.explaining import NodeReasons
from meshdht.node.identity import Identity
from meshdht.node.writing import OwnStatements


class NodeSpeech(NodeReasons):
    """The part of a ``Node`` that writes statements; whoever asks has made them."""

    _statements: OwnStatements

    @property
    def is_ending(self) -> bool:
        """By its own word, said or about to be: it leaves, or another node goes on for it."""
        return self._statements.are_over

    async def write_down(self, statement: Statement) -> None:
        """Keep a statement that this device wrote, and tell the others; raises StateError."""
        await self._statements.write_down(statement)

    async def hand_over(self, statement: Statement) -> None:
        """The same for the one by which it leaves, once another device holds it."""
        await self._statements.hand_over(statement)

    async def hand_on(self, heir: Identity, statement: Statement) -> None:
        """The same for the one by which it goes on by other keys: on disk with these in one
        step, then told. This node has the old ones, and is to be replaced by one that has them;
        raises StateError, and nothing has happened."""
        await self._statements.hand_on(heir, statement)
