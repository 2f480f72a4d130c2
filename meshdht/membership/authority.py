"""Who has which right at a statement's ancestors, under a ruling on removals (see removals.py).

A device is a member at a set of ancestors if an admit of it that counts is among them, within
the uses of its invite when the admits among them alone are taken, and no removal that stands ends
it. An admin is a member to whom a grant that counts is among them, not ended by a removal. What
the recovery key signs is a grant that rests on nothing, senior to all that came before it. A key
that succeeded others has what they were admitted to and granted, wherever the successions are
among the ancestors; theirs is nothing from there on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from meshdht.crypto.keys import DeviceId, InvitePublicKey, VerifyKey
from meshdht.membership.administration import (
    LeaveBody,
    RemovalBody,
    RemoveAdminBody,
    RetireBody,
    RevokeBody,
    RevokeInviteBody,
    SucceedBody,
)
from meshdht.membership.removals import ALL_KNOWN, NOW, Deed, Removal, Ruling, Sort
from meshdht.membership.roster import Invite
from meshdht.membership.statements import Body, InviteBody, Role, Statement

_Right = Callable[[VerifyKey, int, int, int], "Standing | None"]


@dataclass(slots=True)
class Invitation:
    """An invite that counts, and the admits that count for it, in order."""

    statement: Statement
    body: InviteBody
    place: int
    by: Standing
    admits: list[tuple[int, VerifyKey]] = field(default_factory=list)
    winners: dict[VerifyKey, DeviceId] = field(default_factory=dict)
    """Who is within the uses, in the order of the fold."""
    overrun: bool = False
    """More devices claimed it than it has uses."""

    def wins_at(self, device: VerifyKey, past: int) -> bool:
        """Whether the device is within the uses, of the admits among ``past`` alone."""
        if not self.overrun:
            return True
        seen: set[VerifyKey] = set()
        for place, other in self.admits:
            if len(seen) == self.body.uses:
                break
            if past >> place & 1:
                seen.add(other)
        return device in seen

    def wins(self, key: VerifyKey) -> bool:
        """Whether ``key``, whose admit has just come, is within the uses."""
        if key not in self.winners:
            if len(self.winners) == self.body.uses:
                self.overrun = True
                return False
            self.winners[key] = key.device_id
        return True

    def described(self, ruling: Ruling) -> Invite:
        """As the roster has it."""
        body, author = self.body, self.statement.author
        return Invite(
            hash=self.statement.hash,
            key=body.invite,
            author=author.device_id,
            expires=body.expires,
            uses=body.uses,
            suggested_name=body.suggested_name,
            role=body.role,
            claimed_by=tuple(self.winners.values()),
            terms=body.terms,
            revoked=ruling.closes(body.invite, author, NOW) is not None,
        )


@dataclass(frozen=True, slots=True)
class Admission:
    """An admit that counts: the device is a member wherever it is among the ancestors."""

    place: int
    invitation: Invitation | None
    """None for the founder."""
    by: Standing | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant that counts."""

    statement: Statement
    place: int
    past: int
    by: Standing | None
    """None for the genesis, and for what the recovery key signed."""

    @property
    def seniority(self) -> int:
        """The lower, the more senior: the last recovery before all, then the founder."""
        return self.place if self.by else -self.place


@dataclass(frozen=True, slots=True)
class Move:
    """A succession that counts."""

    statement: Statement
    place: int
    old: VerifyKey
    by: Standing | None

    def deed(self) -> Deed:
        return Deed(self.place, self.old, before=self.by.before if self.by else ())


@dataclass(frozen=True, slots=True)
class Standing:
    """By what an author had the right to a statement."""

    author: VerifyKey
    admission: Admission
    grant: Grant | None
    moves: tuple[Move, ...] = ()
    """How the author's device came to this key, the last first."""

    @property
    def before(self) -> tuple[VerifyKey, ...]:
        """The keys that it had before."""
        return tuple(move.old for move in self.moves)

    def deed(self, place: int) -> Deed:
        """A statement of the author's, as a removal sees it."""
        granted = None if self.grant is None else self.grant.past
        return Deed(place, self.author, granted, before=self.before)

    def foundations(self) -> Iterator[Deed]:
        """Every deed that the right rests on."""
        stack, seen = [self], set[int]()
        while stack:
            here = stack.pop()
            admission, grant = here.admission, here.grant
            if admission.by and admission.invitation and admission.place not in seen:
                seen.add(admission.place)
                invitation = admission.invitation
                invite, inviter = invitation.body.invite, invitation.statement.author
                by = admission.by
                yield Deed(admission.place, by.author, None, invite, inviter, by.before)
                yield invitation.by.deed(invitation.place)
                stack += (admission.by, invitation.by)
            if grant and grant.by and grant.place not in seen:
                seen.add(grant.place)
                yield grant.by.deed(grant.place)
                stack.append(grant.by)
            for move in here.moves:
                if move.place not in seen:
                    seen.add(move.place)
                    yield move.deed()
                    stack += [move.by] if move.by else []


class Authority:
    """What counts so far, and who may do what by it."""

    def __init__(self, genesis: Statement, ruling: Ruling) -> None:
        self.ruling = ruling
        founder = genesis.author
        self._admissions: dict[VerifyKey, list[Admission]] = {founder: [Admission(0, None, None)]}
        self._grants: dict[VerifyKey, list[Grant]] = {founder: [Grant(genesis, 0, 0, None)]}
        self._moves: dict[VerifyKey, Move] = {}
        """By the new key."""
        self._heirs: dict[VerifyKey, tuple[int, VerifyKey]] = {}
        self._by_invite_key: dict[InvitePublicKey, list[Invitation]] = {}
        self._counted: dict[tuple[str, object], int] = {}
        """Places of what counts, by all that a removal may void it for."""

    def member(
        self, key: VerifyKey, place: int, past: int, known: int = ALL_KNOWN
    ) -> Standing | None:
        """By what ``key`` is a member at a place, if it is; of the removals, ``known`` count."""
        if self.ruling.ends_key(key, place, known):
            return None
        moves = self._way_to(key, past)
        keys = (key, *(move.old for move in moves))
        if any(self.ruling.ends_member(each, place, known) for each in keys):
            return None
        for each in keys:
            for admission in self._admissions.get(each, ()):
                if past >> admission.place & 1 and (
                    admission.invitation is None or admission.invitation.wins_at(each, past)
                ):
                    return Standing(key, admission, None, moves)
        return None

    def _way_to(self, key: VerifyKey, past: int) -> tuple[Move, ...]:
        """The successions among ``past`` by which a device came to a key, the last first."""
        moves: list[Move] = []
        move = self._moves.get(key)
        while move and past >> move.place & 1 and (not moves or move.place < moves[-1].place):
            moves.append(move)
            move = self._moves.get(move.old)
        return tuple(moves)

    def latest(self, key: VerifyKey, past: int = ALL_KNOWN) -> VerifyKey:
        """The key by which the device of ``key`` goes on, by the successions among ``past``."""
        at = -1
        while (heir := self._heirs.get(key)) and past >> heir[0] & 1 and heir[0] > at:
            at, key = heir
        return key

    def names_of(self, key: VerifyKey, past: int) -> tuple[VerifyKey, ...]:
        """A key, and those that its device had before it, by the successions among ``past``."""
        return (key, *(move.old for move in self._way_to(key, past)))

    def admin(
        self, key: VerifyKey, place: int, past: int, known: int = ALL_KNOWN
    ) -> Standing | None:
        """By what ``key`` is an admin at a place, if it is."""
        member = self.member(key, place, past, known)
        if member is None:
            return None
        keys = (key, *member.before)
        grants = [grant for each in keys for grant in self._grants.get(each, ())]
        for grant in sorted(grants, key=lambda each: each.seniority):
            if past >> grant.place & 1 and not any(
                self.ruling.ends_admin(each, place, grant.past, known) for each in keys
            ):
                return Standing(key, member.admission, grant, member.moves)
        return None

    def grant_now(self, key: VerifyKey) -> Grant | None:
        """What makes the device of ``key`` an admin after all that has been taken."""
        standing = self.admin(self.latest(key), NOW, ALL_KNOWN)
        return None if standing is None else standing.grant

    def invitation(self, key: InvitePublicKey, role: Role, past: int) -> Invitation | None:
        """The first invite of a key and role among ``past``."""
        for invitation in self._by_invite_key.get(key, ()):
            if past >> invitation.place & 1 and invitation.body.role is role:
                return invitation
        return None

    def count(self, by: Standing, place: int) -> None:
        """A deed counts."""
        self._note(("signed", by.author), place)
        for key in (by.author, *by.before):
            self._note(("by", key), place)
            if by.grant is not None:
                self._note(("as admin", key), place)

    def add_invitation(
        self, statement: Statement, body: InviteBody, place: int, by: Standing
    ) -> Invitation:
        invitation = Invitation(statement, body, place, by)
        self._by_invite_key.setdefault(body.invite, []).append(invitation)
        return invitation

    def add_admission(
        self, device: VerifyKey, place: int, invitation: Invitation, by: Standing
    ) -> None:
        invitation.admits.append((place, device))
        admission = Admission(place, invitation, by)
        self._admissions.setdefault(device, []).append(admission)

    def count_admission(self, key: VerifyKey, place: int, invitation: Invitation) -> None:
        """An admit, of a device or an anchor, counts for an invite."""
        self._note(("of", key), place)
        self._note(("invite", invitation.body.invite), place)
        self._note(("inviter", invitation.statement.author), place)

    def add_grant(
        self, device: VerifyKey, statement: Statement, place: int, past: int, by: Standing
    ) -> None:
        self._grants.setdefault(device, []).append(Grant(statement, place, past, by))

    def add_recovery(self, device: VerifyKey, statement: Statement, place: int, past: int) -> None:
        """A grant that is senior to all others of the device's."""
        self._grants.setdefault(device, []).append(Grant(statement, place, past, None))

    def add_move(
        self, new: VerifyKey, statement: Statement, place: int, by: Standing | None
    ) -> None:
        """The author of a succession goes on by another key."""
        self._moves[new] = Move(statement, place, statement.author, by)
        self._heirs[statement.author] = (place, new)

    def disturbed_by(self, removal: Removal) -> bool:
        """Whether a removal would void something that counts."""
        ways = {
            Sort.MEMBER: ("by", "of", "inviter"),
            Sort.KEY: ("signed",),
            Sort.ADMIN: ("as admin",),
            Sort.INVITE: ("invite",),
        }
        keys = [(way, each) for way in ways[removal.sort] for each in removal.targets]
        used = [("invite", invite) for invite in removal.used]
        return any(self._counted.get(key, 0) & ~removal.past for key in (*keys, *used))

    def _note(self, key: tuple[str, object], place: int) -> None:
        self._counted[key] = self._counted.get(key, 0) | 1 << place

    def right_to(self, removal: Removal) -> Standing | None:
        """By what its author may write a removal, under the ruling."""
        right = self._right_for(removal.statement.body)
        return right(removal.statement.author, removal.place, removal.past, ALL_KNOWN)

    def is_last_admin(self, key: object, past: int) -> bool:
        """Whether ``key`` is an admin after these ancestors, and nobody else is."""
        holders = {self.latest(each, past): None for each in self._grants}
        return [each for each in holders if self.admin(each, NOW, past, past)] == [key]

    def has_left(self, key: VerifyKey) -> bool:
        """Whether a key has put itself out."""
        removal = self.ruling.ends_member(key, NOW)
        return removal is not None and removal.by_itself

    def _right_for(self, body: Body) -> _Right:
        return self.member if isinstance(body, LeaveBody | SucceedBody) else self.admin

    def removal(
        self,
        statement: Statement,
        place: int,
        past: int,
        targets: tuple[VerifyKey | InvitePublicKey, ...],
        used: frozenset[InvitePublicKey],
    ) -> Removal | None:
        """The removal that a statement is, if its author has the right at its ancestors;
        ``targets`` is what it means by what it names, ``used`` the invites that those used."""
        body, author = statement.body, statement.author
        assert isinstance(body, RemovalBody)
        by = self._right_for(body)(author, place, past, past)
        if by is None:
            return None
        sort, target = aim(body, author)
        senior = self.admin(author, place, past, past)
        rank = senior.grant.seniority if senior and senior.grant else NOW
        return Removal(
            statement=statement,
            place=place,
            past=past | 1 << place,
            sort=sort,
            target=target,
            targets=targets,
            used=used if sort is Sort.MEMBER else frozenset(),
            seniority=(rank, -place if isinstance(body, SucceedBody) else place),
            deeds=(by.deed(place), *by.foundations()),
        )


def aim(body: RemovalBody, author: VerifyKey) -> tuple[Sort, VerifyKey | InvitePublicKey]:
    """What a removal takes away, and from what."""
    match body:
        case SucceedBody():
            return Sort.KEY, author
        case RetireBody(device):
            return Sort.KEY, device
        case LeaveBody():
            return Sort.MEMBER, author
        case RevokeBody(key):
            return Sort.MEMBER, key
        case RemoveAdminBody(device):
            return Sort.ADMIN, device
        case RevokeInviteBody(invite):
            return Sort.INVITE, invite
