"""Statements that this device writes: kept, told to the others, and on disk when it matters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from meshdht.errors import StateError
from meshdht.gossip.gossip import Gossip
from meshdht.membership.statements import Statement
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.journal import Journal
from meshdht.node.ports import NodeStore


class OwnStatements:
    """What is in the log is handed to the journal by ``NodeHoldings``.

    The statement by which this device leaves, or goes on by other keys, is the last that counts
    of its keys. Others are refused from when it is begun, and not written to be void.
    """

    def __init__(
        self, holdings: NodeHoldings, gossip: Gossip, journal: Journal, store: NodeStore
    ) -> None:
        self._holdings = holdings
        self._gossip = gossip
        self._journal = journal
        self._store = store
        self._last = ""
        """What the last statement does, once it is begun."""

    @property
    def are_over(self) -> bool:
        """The last one is said, or about to be: what becomes of these keys is our own doing."""
        return bool(self._last)

    def add(self, statement: Statement) -> None:
        """Keep a statement that this device wrote, and tell the others; raises StateError, and
        nothing has happened, if its keys say no more."""
        self._refuse_after_the_last()
        self._add(statement)

    async def write_down(self, statement: Statement) -> None:
        """``add``, and wait until it is on disk; raises StateError also if the disk refuses,
        or the log takes no more."""
        self._refuse_after_the_last()
        await self._write_down(statement)

    async def hand_over(self, statement: Statement) -> None:
        """``write_down`` the statement by which this device leaves, once another one holds it.

        Raises StateError, and nothing has happened, if none of those connected says so.
        """
        with self._saying_the_last(statement, "this device is leaving the network"):
            if not await self._gossip.hand_over(statement.hash, statement.raw):
                raise StateError(
                    "no other device has heard that this one leaves",
                    "try again when one of them is online; or stop here, and have an admin"
                    " revoke it",
                )
            await self._write_down(statement)

    async def hand_on(self, heir: Identity, statement: Statement) -> None:
        """Put the statement by which this device goes on by other keys on disk, with these in one
        step, and tell the others. Raises StateError, and nothing has happened."""
        with self._saying_the_last(statement, "this device's keys are being replaced"):
            await self._journal.flush()
            # Also what a full disk refused earlier: from there comes what this one builds on.
            await self._store.append_statements(list(self._holdings.log))
            await self._store.replace_keys(heir, statement)
        self._gossip.push_statements([statement.raw])

    @contextmanager
    def _saying_the_last(self, statement: Statement, what: str) -> Iterator[None]:
        self._refuse_after_the_last()
        self._last = what
        try:
            yield
        except BaseException:
            if statement.hash not in self._holdings.log:
                self._last = ""
            raise

    def _refuse_after_the_last(self) -> None:
        if self._last:
            raise StateError(f"{self._last} just now", "ask again in a moment, if it is still one")

    def _add(self, statement: Statement) -> None:
        self._holdings.add_own(statement)
        self._gossip.push_statements([statement.raw])

    async def _write_down(self, statement: Statement) -> None:
        failed = self._journal.failed
        self._add(statement)
        if statement.hash not in self._holdings.log:
            raise StateError(
                f"the membership log is full: it has {len(self._holdings.log)} statements",
                "found a network anew: nothing can be said in this one any more",
            )
        await self._journal.flush()
        if self._journal.failed > failed:
            raise StateError("the statement could not be written to disk", "is the disk full?")
