"""The fold: from a log to its roster, a pure function of the set of statements.

Statements are taken by (depth, hash): parents first, ties by hash. A statement's place depends
on its ancestors alone, so that the order of arrival changes nothing.

Authority is judged at a statement's causal ancestors, whatever else is in the log, and then by
the removals that stand:

- the genesis's author is a member and an admin from the start;
- an admit, of a device or an anchor, counts if its author is a member there, an invite for that
  role counts and is an ancestor, and claim and statement are dated before the invite's expiry;
- a succession counts if its author is a member there, and its new keys are new to them;
- a grant counts if its author is an admin, or the recovery key, and the device a member there;
- a rename counts if its author is an admin or the device itself; an unknown kind, if its author
  is a member; everything else, if its author is an admin;
- a removal is a candidate if its author has the right to it in the fold of its ancestors alone.
  Which of them stand, and what they void, is told in removals.py.

Of the admits that count, an invite's first ``uses`` devices (or anchors) in the order above are in
the roster; so two that raced for one use are settled the same way everywhere, and the loser's
own deeds from before it could know stand. A device admitted twice counts once. No key is
both a device and an anchor: the first in the order above stands. An anchor has no authority.

Most removals contradict nothing that came before them, and simply stand. One that does has the
candidates settled again and all statements before it taken anew, under the new ruling.

A set of ancestors is the bits of an int: the whole costs n log n steps, each of which moves at
most n bits, and as much again for each removal that contradicts something.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from meshdht.crypto.keys import InvitePublicKey, VerifyKey
from meshdht.errors import StateError
from meshdht.limits import ROSTERS_REMEMBERED
from meshdht.membership.administration import (
    LeaveBody,
    RemovalBody,
    RetireBody,
    SucceedBody,
)
from meshdht.membership.ancestry import Ancestry, walk
from meshdht.membership.authority import Authority, aim
from meshdht.membership.log import MembershipLog
from meshdht.membership.register import Register
from meshdht.membership.removals import Removal, Ruling, Sort, settle, stays_without
from meshdht.membership.roster import Roster
from meshdht.membership.statements import (
    AdmitAnchorBody,
    AdmitBody,
    GenesisBody,
    Statement,
    StatementHash,
    keys_in,
)


class Folder:
    """Folds, and remembers: the last rosters by what their logs hold, and the fold that came
    last, to go on from it."""

    def __init__(self) -> None:
        self._rosters: OrderedDict[bytes, Roster] = OrderedDict()
        self._latest: _Fold | None = None

    def fold(self, log: MembershipLog) -> Roster:
        """The roster of a log; raises StateError if its genesis is missing.

        Costs n log n for a log that was not seen before, what was added for one that has grown at
        its end since the last fold, and next to nothing for one that was folded a moment ago.
        """
        held = log.digest()
        roster = self._rosters.get(held)
        if roster is None:
            if self._latest is None or not self._latest.take_rest(log):
                self._latest = _begin(log)
                self._latest.take_rest(log)
            roster = self._rosters[held] = self._latest.roster()
            if len(self._rosters) > ROSTERS_REMEMBERED:
                self._rosters.popitem(last=False)
        return roster


_NOT_NEW = "its new key is known already"

fold = Folder().fold
"""A roster depends on its log alone, so that all may share what is remembered."""


def _begin(log: MembershipLog) -> _Fold:
    genesis = log.genesis
    if genesis is None or not isinstance(genesis.body, GenesisBody):
        raise StateError(
            "the membership log lacks its first statement", "join again with a new link"
        )
    return _Fold(genesis, genesis.body, {})


class _Fold:
    """Takes statements in order, and keeps a register of what they come to."""

    def __init__(
        self, genesis: Statement, body: GenesisBody, weighed: dict[int, Removal | None]
    ) -> None:
        """``weighed`` remembers by place what is a candidate: a function of its ancestors."""
        self._genesis = genesis
        self._body = body
        self._weighed = weighed
        self._refusals: dict[int, str] = {}
        self._ancestry = Ancestry()
        self._taken: list[tuple[int, Statement]] = []
        self._last: tuple[int, StatementHash] | None = None
        self._candidates: list[Removal] = []
        self._candidate_places = 0
        self._used: dict[object, list[tuple[int, InvitePublicKey]]] = {}
        self._heirs: dict[object, list[tuple[int, VerifyKey]]] = {}
        """Whom each key named as its successor, whatever came of it."""
        self._successions: set[int] = set()
        """The places of those that are candidates."""
        self._keys: dict[bytes, list[int]] = {}
        """The places where a key came up."""
        self._register = self._anew(Ruling())
        self._unruled: Register | None = None
        """Where no removal stood; from when it is first asked for."""
        self._tried: Register | None = None
        """Under the last other ruling that was asked about."""

    def take_rest(self, log: MembershipLog) -> bool:
        """Take what the log holds and was not taken yet; False, and nothing is taken, if the
        log lacks something or the order of the fold wants it elsewhere than at the end."""
        rest = self._ancestry.rest_of(log)
        rest.sort(key=lambda each: (log.depth(each.hash), each.hash))
        if not rest or len(log) - len(rest) < len(self._ancestry):
            return False
        first, last = ((log.depth(rest[at].hash), rest[at].hash) for at in (0, -1))
        if (self._last and first < self._last) or not self._ancestry.expect(rest):
            return False
        for statement in rest:
            place = len(self._ancestry)
            self._take(statement, place, self._ancestry.enter(statement, place))
        self._last = last
        return True

    def roster(self) -> Roster:
        return self._register.roster()

    def _take(self, statement: Statement, place: int, past: int) -> None:
        body, candidate = statement.body, None
        if isinstance(body, AdmitBody | AdmitAnchorBody):
            self._used.setdefault(body.claim.key, []).append((place, body.claim.invite))
        elif isinstance(body, RemovalBody):
            if place not in self._weighed:
                self._weighed[place] = self._weigh(statement, place, past)
            candidate = self._weighed[place]
            if isinstance(body, SucceedBody):
                self._heirs.setdefault(statement.author, []).append((place, body.device))
                if self._register.knows(body.device):
                    self._refusals[place], candidate = _NOT_NEW, None
                if candidate is not None:
                    self._successions.add(place)
        for key in keys_in(statement):
            self._keys.setdefault(key, []).append(place)
        register = self._register
        self._taken.append((place, statement))
        if self._unruled is not None:
            self._unruled.take(statement, place, past)
        if candidate is not None:
            self._hear(candidate)
        if self._register is register:
            register.take(statement, place, past)
        if isinstance(body, SucceedBody) and not self._register.admins:
            # The new key of the only admin had been revoked before anybody knew it.
            self._settle()

    def _weigh(self, statement: Statement, place: int, past: int) -> Removal | None:
        """The removal that a statement is, if its author had the right to it at its ancestors."""
        register = self._register
        if self._candidate_places & ~past and register.voided & past:
            # Something among the ancestors is void by what is not: they are folded alone.
            register = self._alone(past)
        body, authority = statement.body, register.authority
        assert isinstance(body, RemovalBody)
        sort, target = aim(body, statement.author)
        targets = self._meant(authority, sort, target, past)
        used = frozenset(
            invite
            for key in targets
            for at, invite in self._used.get(key, ())
            if past >> at & 1 and sort is Sort.MEMBER
        )
        removal = authority.removal(statement, place, past, targets, used)
        reason = ""
        if isinstance(body, LeaveBody) and authority.has_left(statement.author):
            reason = "its author had left"
        elif removal is None:
            reason = "its author had not the right to it"
        elif isinstance(body, SucceedBody) and any(
            past >> at & 1
            for key in (body.device.raw, body.wireguard_key.raw)
            for at in self._keys.get(key, ())
        ):
            reason = _NOT_NEW
        elif isinstance(body, RetireBody) and authority.latest(body.device, past) == body.device:
            reason = "nothing has succeeded that key"
        elif sort is not Sort.KEY and removal.by_itself and authority.is_last_admin(target, past):
            reason = "it would leave no admin"
        if reason:
            self._refusals[place] = reason
            return None
        return removal

    def _meant(
        self,
        authority: Authority,
        sort: Sort,
        target: VerifyKey | InvitePublicKey,
        past: int,
    ) -> tuple[VerifyKey | InvitePublicKey, ...]:
        """What a removal with these ancestors means by what it names: of a device, the keys that
        it had before that one, and all that any of them named as a successor."""
        if not isinstance(target, VerifyKey) or sort is Sort.KEY:
            return (target,)
        meant = list(authority.names_of(target, past))
        for key in meant:
            heirs = (new for at, new in self._heirs.get(key, ()) if past >> at & 1)
            meant += [new for new in heirs if new not in meant]
        return tuple(meant)

    def _hear(self, removal: Removal) -> None:
        """Find out what stands now that there is one more candidate."""
        register = self._register
        self._candidates.append(removal)
        self._candidate_places |= 1 << removal.place
        touches = register.authority.disturbed_by(removal)
        if register.authority.right_to(removal) is None:
            if any(removal.attacks(other) for other in self._candidates):
                self._settle()
        elif touches or (
            removal.sort in (Sort.MEMBER, Sort.ADMIN) and register.admins <= {*removal.targets}
        ):
            self._settle()
        else:
            register.stand(removal)

    def _settle(self) -> None:
        while True:
            ruling = settle(self._candidates, self._upheld)
            tried = self._tried
            if tried is None or tried.authority.ruling is not ruling:
                tried = self._anew(ruling)
            self._register = tried
            if self._register.admins:
                return
            without = stays_without(ruling.standing.values())
            self._candidates.remove(without)
            if without.place in self._successions:
                self._successions.remove(without.place)
                self._unruled = None
            self._refusals[without.place] = "it would leave no admin"

    def _upheld(self, ruling: Ruling, candidates: Sequence[Removal]) -> list[Removal]:
        """Those whose authors have the right to them, if no others stand than the ruling's."""
        if ruling.standing:
            register = self._tried = self._anew(ruling)
        else:
            register = self._unruled = self._unruled or self._anew(ruling)
        return [each for each in candidates if register.authority.right_to(each) is not None]

    def _anew(self, ruling: Ruling) -> Register:
        """All that was taken, under another ruling."""
        register = Register(self._genesis, self._body, ruling, self._successions, self._refusals)
        for statement, place, past in walk(self._taken):
            register.take(statement, place, past)
        return register

    def _alone(self, among: int) -> Register:
        """The register of some of what was taken: a set of statements with all their ancestors."""
        fold = _Fold(self._genesis, self._body, self._weighed)
        for statement, place, past in walk(self._taken):
            if among >> place & 1:
                fold._take(statement, place, past)
        return fold._register
