"""The ancestors of statements as sets of bits: one bit a place in the order of the fold.

Places grow with (depth, hash), so that to compare places is to compare these. The genesis has
place 0. All sets together would be n² bits: each is let go once its last child has been taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import Statement, StatementHash


class Ancestry:
    """Tells the ancestors of each statement, parents first."""

    def __init__(self) -> None:
        self._places: dict[StatementHash, int] = {}
        self._pasts: dict[StatementHash, int] = {}
        self._children_left: Counter[StatementHash] = Counter()

    def __len__(self) -> int:
        return len(self._places)

    def rest_of(self, log: MembershipLog) -> list[Statement]:
        """What has not entered yet."""
        return [log[each] for each in log.hashes() - self._places.keys()]

    def expect(self, statements: Sequence[Statement]) -> bool:
        """Announce the next statements; False if one has a parent whose ancestors are let go."""
        parents = [parent for statement in statements for parent in statement.parents]
        if any(parent in self._places and parent not in self._pasts for parent in parents):
            return False
        self._children_left.update(parents)
        return True

    def enter(self, statement: Statement, place: int) -> int:
        """The ancestors of the next statement, whose place this is."""
        past = 0
        for parent in statement.parents:
            past |= self._pasts[parent] | 1 << self._places[parent]
            self._children_left[parent] -= 1
            if not self._children_left[parent]:
                del self._pasts[parent], self._children_left[parent]
        self._places[statement.hash] = place
        self._pasts[statement.hash] = past
        return past


def walk(placed: Sequence[tuple[int, Statement]]) -> Iterator[tuple[Statement, int, int]]:
    """Statements in the order of the fold, each with its place and its ancestors; all the
    ancestors of each are among them."""
    ancestry = Ancestry()
    ancestry.expect([statement for _, statement in placed])
    for place, statement in placed:
        yield statement, place, ancestry.enter(statement, place)
