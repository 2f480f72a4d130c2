"""The membership log: signed statements that name their parents, from one genesis.

Every statement in the log is well formed, signed and of this network, and all its parents are in
it. Whether it has any effect is the fold's to judge. Sans-IO: the caller persists what ``add``
names as added, and passes it on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, KeysView
from dataclasses import dataclass
from enum import Enum

from meshdht.crypto.derive import digest, message_digest
from meshdht.crypto.keys import NetworkId
from meshdht.errors import Malformed
from meshdht.limits import STATEMENT_ORPHANS_MAX, STATEMENT_PARENTS_MAX, STATEMENTS_MAX
from meshdht.membership.statements import (
    NewerVersion,
    Statement,
    StatementHash,
    decode_statement,
)


class Outcome(Enum):
    """What became of a statement that was offered."""

    ADDED = "added"
    KNOWN = "known"
    """In the log, or waiting, already."""
    WAITING = "waiting"
    """Kept until its parents come: ask for ``missing``."""
    NEWER = "newer"
    """Of a version that this one cannot read: not kept, ``newer_seen`` counts it."""
    FULL = "full"
    """The log holds as many statements as it may."""


@dataclass(frozen=True, slots=True)
class Addition:
    """What ``add`` did; ``added`` in an order in which parents come first."""

    outcome: Outcome
    added: tuple[Statement, ...] = ()


class MembershipLog:
    """The statements of one network; the genesis is added like any other."""

    def __init__(self, network: NetworkId, *, statements_max: int = STATEMENTS_MAX) -> None:
        self.network = network
        self.newer_seen = 0
        self._statements_max = statements_max
        # Insertion order has parents first.
        self._statements: dict[StatementHash, Statement] = {}
        self._depths: dict[StatementHash, int] = {}
        self._heads: set[StatementHash] = set()
        self._orphans: dict[StatementHash, Statement] = {}
        self._children: dict[StatementHash, set[StatementHash]] = {}

    def add(self, data: bytes, *, verified: bool = False) -> Addition:
        """Take a statement in; raises Malformed or BadSignature, and is then unchanged.

        ``verified``: its signatures have been, and need not be again.
        """
        statement_hash = StatementHash(message_digest("statement", data))
        if statement_hash in self._statements or statement_hash in self._orphans:
            return Addition(Outcome.KNOWN)
        try:
            statement = decode_statement(data)
        except NewerVersion:
            self.newer_seen += 1
            return Addition(Outcome.NEWER)
        if statement.network_id != self.network:
            raise Malformed("a statement of another network")
        if not verified:
            statement.verify()
        if not self._ready(statement):
            self._wait(statement)
            return Addition(Outcome.WAITING)
        if len(self._statements) >= self._statements_max:
            return Addition(Outcome.FULL)
        return Addition(Outcome.ADDED, tuple(self._insert(statement)))

    @property
    def genesis(self) -> Statement | None:
        return self._statements.get(StatementHash(self.network.raw))

    def heads(self) -> tuple[StatementHash, ...]:
        """The statements that no other names as a parent, ascending."""
        return tuple(sorted(self._heads))

    def missing(self) -> tuple[StatementHash, ...]:
        """The parents that waiting statements lack, ascending: what to ask other devices for."""
        return tuple(sorted(self._children.keys() - self._orphans.keys()))

    def digest(self) -> bytes:
        """32 bytes that are equal on two devices if and only if their logs are."""
        return digest("membership frontier", *self.heads())

    def get(self, statement_hash: StatementHash) -> Statement | None:
        return self._statements.get(statement_hash)

    def __getitem__(self, statement_hash: StatementHash) -> Statement:
        return self._statements[statement_hash]

    def hashes(self) -> KeysView[StatementHash]:
        """The hashes of all statements, parents first."""
        return self._statements.keys()

    def depth(self, statement_hash: StatementHash) -> int:
        """The length of the longest way to the genesis (whose depth is 0)."""
        return self._depths[statement_hash]

    def since(self, heads: Iterable[StatementHash]) -> list[Statement]:
        """What a device with these heads lacks, parents first; heads unknown here are ignored."""
        known = self._ancestry(head for head in heads if head in self._statements)
        return [statement for statement in self if statement.hash not in known]

    def nearest(self, statement_hash: StatementHash) -> Iterator[Statement]:
        """A statement and what it builds on: its parents next, then theirs, each once. Raises
        KeyError if it is not in the log."""
        seen = {statement_hash}
        queue = deque(seen)
        while queue:
            statement = self._statements[queue.popleft()]
            yield statement
            queue.extend(each for each in statement.parents if each not in seen)
            seen.update(statement.parents)

    def parents_for(self, *needed: StatementHash) -> tuple[StatementHash, ...]:
        """Parents for a new statement: as many heads as it may name, first those above ``needed``.

        ``needed`` are the statements that its authority rests on (an invite, the author's
        admission): they become its ancestors. Raises KeyError if one is not in the log.
        """
        chosen: list[StatementHash] = []
        for wanted in needed:
            if wanted not in self._ancestry(chosen):
                chosen.append(self._head_above(wanted))
        rest = [head for head in self.heads() if head not in chosen]
        return tuple(sorted((chosen + rest)[:STATEMENT_PARENTS_MAX]))

    def __iter__(self) -> Iterator[Statement]:
        """All statements, parents first."""
        return iter(self._statements.values())

    def __len__(self) -> int:
        return len(self._statements)

    def __contains__(self, statement_hash: StatementHash) -> bool:
        return statement_hash in self._statements

    def _ready(self, statement: Statement) -> bool:
        return all(parent in self._statements for parent in statement.parents)

    def _insert(self, first: Statement) -> Iterator[Statement]:
        """Insert a statement, then all that waited for it."""
        ready = [first]
        while ready:
            statement = ready.pop()
            depths = [self._depths[parent] for parent in statement.parents]
            self._statements[statement.hash] = statement
            self._depths[statement.hash] = max(depths, default=-1) + 1
            self._heads.difference_update(statement.parents)
            self._heads.add(statement.hash)
            yield statement
            for child_hash in sorted(self._children.pop(statement.hash, ())):
                child = self._orphans[child_hash]
                if self._ready(child):
                    self._drop_orphan(child)
                    ready.append(child)

    def _wait(self, orphan: Statement) -> None:
        while len(self._orphans) >= STATEMENT_ORPHANS_MAX:
            self._drop_orphan(next(iter(self._orphans.values())))
        self._orphans[orphan.hash] = orphan
        for parent in orphan.parents:
            if parent not in self._statements:
                self._children.setdefault(parent, set()).add(orphan.hash)

    def _drop_orphan(self, orphan: Statement) -> None:
        del self._orphans[orphan.hash]
        for parent in orphan.parents:
            waiting = self._children.get(parent, set())
            waiting.discard(orphan.hash)
            if not waiting:
                self._children.pop(parent, None)

    def _ancestry(self, start: Iterable[StatementHash]) -> set[StatementHash]:
        """``start`` and all that it builds on."""
        seen: set[StatementHash] = set()
        stack = list(start)
        while stack:
            statement_hash = stack.pop()
            if statement_hash not in seen:
                seen.add(statement_hash)
                stack.extend(self._statements[statement_hash].parents)
        return seen

    def _head_above(self, wanted: StatementHash) -> StatementHash:
        """The first head that is ``wanted`` or builds on it."""
        above = {self._statements[wanted].hash}
        for statement in self:
            if not above.isdisjoint(statement.parents):
                above.add(statement.hash)
        return min(above & self._heads)
