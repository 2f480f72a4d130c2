"""Removals: statements that take rights away, and which of them stand when they contradict.

A removal R of X voids every deed of X that R's author did not know: those not among R's
ancestors, whatever their dates. There are four sorts:

- of a member (revoke, leave): all deeds of X, and admissions by the invites that X wrote or used;
- of a key (succeed, retire): all deeds by that key; its device goes on by another one;
- of an admin: the deeds of X that take an admin, unless they rest on a grant that builds on R;
- of an invite: admissions by it.

A device that goes on by another key stays one X: a removal that names one of its keys means all
that are linked to it among R's ancestors.

What a removal's own authority rests on (the grants, admissions and invites of its author, and
theirs) are deeds too: who voids one of them attacks the removal. Of two removals that attack each
other the one by the senior admin prevails: the one whose author's grant comes first in the order
of the fold (the founder before all, and before the founder whom the recovery key made an admin, the
last one first), a member's leave last of all; then the first in that order. Of what one author
says of its own key, a succession goes before all else, and of two the last in that order: who
builds on more goes before who backdates.

``settle`` takes removals that none prevails over, drops those that are void by them, and
begins again; where each is attacked by another, round in a circle, it takes the most senior.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from meshdht.crypto.keys import InvitePublicKey, VerifyKey
from meshdht.membership.statements import Statement

ALL_KNOWN = -1
"""A set of ancestors in which everything is."""
NOW = 1 << 30
"""A place after all others."""


class Deed(NamedTuple):
    """What a removal may void: a statement, with what of it matters."""

    place: int
    author: VerifyKey
    granted: int | None = None
    """The ancestors of the grant that it rests on, if it takes an admin."""
    invite: InvitePublicKey | None = None
    """What an admission came by, and who wrote that."""
    inviter: VerifyKey | None = None
    before: tuple[VerifyKey, ...] = ()
    """The keys that the author's device had before this one."""

    @property
    def authors(self) -> tuple[VerifyKey, ...]:
        """All keys that the author's device had."""
        return (self.author, *self.before)


class Sort(Enum):
    """What a removal takes away."""

    MEMBER = "member"
    KEY = "key"
    ADMIN = "admin"
    INVITE = "invite"


@dataclass(frozen=True, slots=True, eq=False)
class Removal:
    """A removal whose author had the right to it at its ancestors."""

    statement: Statement
    place: int
    past: int
    """What it knows: its ancestors, and itself."""
    sort: Sort
    target: VerifyKey | InvitePublicKey
    """What it names."""
    targets: tuple[VerifyKey | InvitePublicKey, ...]
    """What it means: of a device all the keys that it has had or asked for, among the ancestors."""
    used: frozenset[InvitePublicKey]
    """The invites that the target had used among the ancestors."""
    seniority: tuple[int, int]
    deeds: tuple[Deed, ...]
    """Itself, and what it rests on."""

    def knows(self, place: int) -> bool:
        return bool(self.past >> place & 1)

    def voids(self, deed: Deed) -> bool:
        """Whether the deed has no effect if this removal stands."""
        if self.knows(deed.place):
            return False
        match self.sort:
            case Sort.MEMBER:
                ended = any(each in self.targets for each in (*deed.authors, deed.inviter))
                return ended or deed.invite in self.used
            case Sort.KEY:
                return deed.author == self.target
            case Sort.ADMIN:
                return (
                    any(each in self.targets for each in deed.authors)
                    and deed.granted is not None
                    and not deed.granted >> self.place & 1
                )
            case Sort.INVITE:
                return deed.invite == self.target

    def attacks(self, other: Removal) -> bool:
        return any(self.voids(deed) for deed in other.deeds)

    def prevails_over(self, other: Removal) -> bool:
        """Whether it attacks the other, and is not attacked in turn by one more senior."""
        if not self.attacks(other):
            return False
        return self.seniority < other.seniority or not other.attacks(self)

    @property
    def by_itself(self) -> bool:
        return self.statement.author == self.target


class _Ending:
    """The removals that end one thing."""

    def __init__(self) -> None:
        self._removals: list[Removal] = []
        self._known_to_all = ALL_KNOWN

    def add(self, removal: Removal) -> None:
        self._removals.append(removal)
        self._known_to_all &= removal.past

    def first(self, place: int, known: int, granted: int = 0) -> Removal | None:
        """The first of those among ``known`` that did not know a place, nor is known to a grant."""
        if self._known_to_all >> place & 1:
            return None
        for removal in self._removals:
            at = removal.place
            if not removal.knows(place) and known >> at & 1 and not granted >> at & 1:
                return removal
        return None


class Ruling:
    """The removals that stand, and what they end."""

    def __init__(self, standing: Iterable[Removal] = ()) -> None:
        self.standing: dict[int, Removal] = {}
        """By their places."""
        self._endings: dict[tuple[Sort, object], _Ending] = {}
        for removal in standing:
            self.add(removal)

    def add(self, removal: Removal) -> None:
        self.standing[removal.place] = removal
        ended: list[tuple[Sort, object]] = [(removal.sort, each) for each in removal.targets]
        for each in (*ended, *((Sort.INVITE, each) for each in removal.used)):
            self._endings.setdefault(each, _Ending()).add(removal)

    def ends_member(self, key: VerifyKey, place: int, known: int = ALL_KNOWN) -> Removal | None:
        """What ends the membership of a key at a place, of the removals among ``known``."""
        ending = self._endings.get((Sort.MEMBER, key))
        return None if ending is None else ending.first(place, known)

    def ends_key(self, key: VerifyKey, place: int, known: int = ALL_KNOWN) -> Removal | None:
        """What ends the use of a key by its device at a place."""
        ending = self._endings.get((Sort.KEY, key))
        return None if ending is None else ending.first(place, known)

    def ends_admin(
        self, key: VerifyKey, place: int, granted: int, known: int = ALL_KNOWN
    ) -> Removal | None:
        """What ends the right that a grant with these ancestors gave."""
        ending = self._endings.get((Sort.ADMIN, key))
        return None if ending is None else ending.first(place, known, granted)

    def closes(
        self, invite: InvitePublicKey, inviter: VerifyKey, place: int, known: int = ALL_KNOWN
    ) -> Removal | None:
        """What closes an invite at a place."""
        ending = self._endings.get((Sort.INVITE, invite))
        closing = None if ending is None else ending.first(place, known)
        return closing or self.ends_member(inviter, place, known)


def settle(
    candidates: Sequence[Removal], upheld_by: Callable[[Ruling, Sequence[Removal]], list[Removal]]
) -> Ruling:
    """Which of the removals stand; ``upheld_by`` says which still have authority under a ruling,
    and is asked about each ruling once."""
    ruling = Ruling()
    undecided = sorted(candidates, key=lambda each: each.seniority)
    while undecided and (upheld := upheld_by(ruling, undecided)):
        # Who lacks authority though nothing that stands took it may have it once more stands: a
        # use of its invite may be free then.
        right = set(upheld)
        undecided = [
            each
            for each in undecided
            if each in right or not any(other.attacks(each) for other in ruling.standing.values())
        ]
        taken = _unbeaten(upheld, undecided) or _unbeaten(upheld, upheld) or upheld[:1]
        ruling = Ruling((*ruling.standing.values(), *taken))
        undecided = [each for each in undecided if each.place not in ruling.standing]
    return ruling


def _unbeaten(removals: Sequence[Removal], by: Sequence[Removal]) -> list[Removal]:
    beaten = _beaten(by)
    return [each for each in removals if each not in beaten]


def _beaten(removals: Sequence[Removal]) -> set[Removal]:
    """Those that another one of them prevails over."""
    touched: dict[object, set[Removal]] = {}
    for removal in removals:
        for deed in removal.deeds:
            for key in (*deed.authors, deed.invite, deed.inviter):
                touched.setdefault(key, set()).add(removal)
    nobody: set[Removal] = set()
    return {
        other
        for removal in removals
        for key in (*removal.targets, *removal.used)
        for other in touched.get(key, nobody)
        if other is not removal and removal.prevails_over(other)
    }


def stays_without(standing: Iterable[Removal]) -> Removal:
    """The removal to do without where no admin would remain: of those that no other builds on, one
    by which an admin removed itself, and the most senior."""
    removals = [each for each in standing if each.sort in (Sort.MEMBER, Sort.ADMIN)]
    last = [
        each
        for each in removals
        if not any(other.knows(each.place) for other in removals if other is not each)
    ]
    return min(last, key=lambda each: (not each.by_itself, each.seniority))
