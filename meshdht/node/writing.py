"""Statements that this device writes: kept, told to the others, and on disk when it matters."""

from __future__ import annotations

from meshdht.errors import StateError
from meshdht.gossip.gossip import Gossip
from meshdht.membership.statements import Statement
from meshdht.node.holdings import NodeHoldings
from meshdht.node.journal import Journal


class OwnStatements:
    """What is in the log is handed to the journal by ``NodeHoldings``."""

    def __init__(self, holdings: NodeHoldings, gossip: Gossip, journal: Journal) -> None:
        self._holdings = holdings
        self._gossip = gossip
        self._journal = journal

    def add(self, statement: Statement) -> None:
        """Keep a statement that this device wrote, and tell the others."""
        self._holdings.add_own(statement)
        self._gossip.push_statements([statement.raw])

    async def hand_over(self, statement: Statement) -> None:
        """``write_down`` the statement by which this device leaves, once another one holds it.

        Raises StateError, and nothing has happened, if none of those connected says so.
        """
        if not await self._gossip.hand_over(statement.hash, statement.raw):
            raise StateError(
                "no other device has heard that this one leaves",
                "try again when one of them is online; or stop here, and have an admin revoke it",
            )
        await self.write_down(statement)

    async def write_down(self, statement: Statement) -> None:
        """``add``, and wait until it is on disk; raises StateError if the disk refuses,
        or the log takes no more."""
        failed = self._journal.failed
        self.add(statement)
        if statement.hash not in self._holdings.log:
            raise StateError(
                f"the membership log is full: it has {len(self._holdings.log)} statements",
                "found a network anew: nothing can be said in this one any more",
            )
        await self._journal.flush()
        if self._journal.failed > failed:
            raise StateError("the statement could not be written to disk", "is the disk full?")
