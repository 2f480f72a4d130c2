"""One pass over the statements under a ruling on removals: who is in, by which name and address.

Statements come in the order of the fold; each is judged at its ancestors by ``Authority``. Names,
addresses and an invite's uses go by that order, of the statements that count.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

from meshdht.crypto.keys import InvitePublicKey, VerifyKey
from meshdht.limits import CLAIM_CLOCK_TOLERANCE_S
from meshdht.membership.administration import (
    ExpireBody,
    GrantAdminBody,
    NameBody,
    RecoverBody,
    RekeyBody,
    RemovalBody,
    RenameBody,
    RetireBody,
    SucceedBody,
    TagBody,
)
from meshdht.membership.anchor_claims import AnchorClaim
from meshdht.membership.authority import Authority, Invitation, Standing
from meshdht.membership.claims import JoinClaim
from meshdht.membership.people import People
from meshdht.membership.removals import Removal, Ruling, Sort
from meshdht.membership.roster import (
    Anchor,
    Device,
    DeviceIndex,
    Rejection,
    Rekey,
    Removed,
    Roster,
)
from meshdht.membership.statements import (
    NO_TERMS,
    AdmitAnchorBody,
    AdmitBody,
    GenesisBody,
    InviteBody,
    Role,
    Statement,
    StatementHash,
    UnknownBody,
)


class Register:
    """What the statements that were taken so far come to."""

    def __init__(
        self,
        genesis: Statement,
        body: GenesisBody,
        ruling: Ruling,
        successions: Set[int],
        refusals: Mapping[int, str],
    ) -> None:
        """``successions`` are the places of those that count unless they are void; ``refusals``
        says by place why a removal does not stand."""
        self.authority = Authority(genesis, ruling)
        self.voided = 0
        """Places of what has no effect, but may have in the fold of fewer statements."""
        self._genesis = genesis
        self._body = body
        self._ruling = ruling
        self._refusals = refusals
        self._successions = successions
        self._people = People(genesis.network_id, body, ruling)
        self._removed: dict[VerifyKey, Removal] = {}
        self._invitations: list[Invitation] = []
        self._rejections: list[Rejection] = []
        self._newer: list[StatementHash] = []
        self._rekeys: list[tuple[Rekey, int]] = []
        self._void_rekeys: list[Rekey] = []
        self._void_invites: set[InvitePublicKey] = set()
        self._fell_by_removal = False
        """One that counted for some is not in, by a removal that a secret must be newer than."""
        self._out = 0
        """Places of what a secret must be newer than: removals of members, successions, admissions
        that fell."""
        for place in sorted(ruling.standing):
            self._enforce(ruling.standing[place])

    def take(self, statement: Statement, place: int, past: int) -> None:
        """Judge one statement at its ancestors."""
        body = statement.body
        if isinstance(body, GenesisBody):
            key = statement.author
            name, tunnel = body.device_name, body.wireguard_key
            self._people.let_in(statement, place, past, key, tunnel, name)
            self._seat(key)
        elif isinstance(body, AdmitBody | AdmitAnchorBody):
            self._take_admit(statement, body.claim, place, past)
        elif isinstance(body, RemovalBody):
            self._take_removal(statement, place)
            if isinstance(body, SucceedBody) and place in self._successions:
                self._take_succession(statement, body, place, past)
        elif isinstance(body, RecoverBody):
            self._take_recovery(statement, body.device, place, past)
        else:
            by = self._right(statement, place, past)
            if by is not None and self._take_act(statement, place, past, by):
                self.authority.count(by, place)

    def stand(self, removal: Removal) -> None:
        """One more removal stands, which voids nothing that counts."""
        self._ruling.add(removal)
        self._enforce(removal)
        for each in removal.targets:
            if removal.sort is Sort.MEMBER and isinstance(each, VerifyKey):
                self._people.put_out(each)
            elif removal.sort is Sort.ADMIN and isinstance(each, VerifyKey):
                self._people.unseat(each)

    def knows(self, key: VerifyKey) -> bool:
        """Whether it is, or was, a device's or an anchor's."""
        return self._people.find(key) is not None

    @property
    def admins(self) -> set[VerifyKey]:
        """Who is an admin after all that was taken."""
        return self._people.admins

    def roster(self) -> Roster:
        invites = tuple(each.described(self._ruling) for each in self._invitations)
        rekeys = tuple(rekey for rekey, _ in self._rekeys)
        out = self._out
        if self._fell_by_removal:
            out |= sum(1 << place for place in self._ruling.standing)
        safe = [rekey for rekey, past in self._rekeys if not out & ~past]
        # Later in the order of the fold goes before at the same number.
        current = max(reversed(safe), key=lambda rekey: rekey.generation, default=None)
        standing = (each.statement.body for each in self._ruling.standing.values())
        retired = {body.device for body in standing if isinstance(body, RetireBody)}
        return Roster(
            network=self._genesis.network_id,
            network_name=self._body.network_name,
            ipv4_range=self._body.ipv4_range,
            devices=tuple(self._people.devices.values()),
            invites=invites,
            rejections=tuple(self._rejections),
            newer=tuple(self._newer),
            anchors=tuple(self._people.anchors.values()),
            removed=tuple(self._described(key, each) for key, each in self._removed.items()),
            renames=tuple(self._people.renames),
            rekeys=rekeys,
            void_rekeys=tuple(self._void_rekeys),
            rekey=current,
            needs_rekey=current is None and bool(out or self._void_rekeys),
            successions=tuple(
                replace(each, retired=each.old in retired) for each in self._people.successions
            ),
            extra_names=tuple(self._people.extra_names.values()),
            _index=DeviceIndex(self._people.index),
        )

    def _right(self, statement: Statement, place: int, past: int) -> Standing | None:
        """By what the author may say this; None, and it is rejected, if it may not."""
        body, author = statement.body, statement.author
        takes_admin = not isinstance(body, AdmitBody | AdmitAnchorBody | UnknownBody)
        if isinstance(body, RenameBody) and self.authority.latest(body.device, past) == author:
            takes_admin = False
        right = self.authority.admin if takes_admin else self.authority.member
        by = right(author, place, past)
        if by is not None:
            return by
        if right(author, place, past, past) is not None:
            self.voided |= 1 << place
            self._take_void(statement, place, past)
        device = body.claim.key if isinstance(body, AdmitBody | AdmitAnchorBody) else None
        if right(author, place, past, 0) is not None:
            self._reject(statement, "its author had been removed", device)
        else:
            what = "admin" if takes_admin else "member"
            self._reject(statement, f"its author was no {what}", device)
        return None

    def _take_act(self, statement: Statement, place: int, past: int, by: Standing) -> bool:
        """Take what is no admission; False if it has no effect."""
        match statement.body:
            case InviteBody() as body:
                invitation = self.authority.add_invitation(statement, body, place, by)
                self._invitations.append(invitation)
            case GrantAdminBody(device):
                if not self._is_member(device, place, past):
                    return self._reject(statement, "it names no member")
                self.authority.add_grant(device, statement, place, past, by)
                self._seat(device)
            case RenameBody(device) | TagBody(device) | ExpireBody(device) if not isinstance(
                self._people.find(device), Device
            ):
                return self._reject(statement, "it names no member")
            case RenameBody(device, name):
                self._people.rename(statement, device, name, place, past)
            case TagBody(device, tags):
                self._people.edit(device, tags=tags)
            case ExpireBody(device, expires):
                self._people.edit(device, expires=expires)
            case NameBody() as body:
                fault = self._people.name_extra(statement, body, place, past)
                return self._reject(statement, fault) if fault else True
            case RekeyBody() as body:
                self._rekeys.append((Rekey.of(statement, body), past))
            case UnknownBody():
                self._newer.append(statement.hash)
        return True

    def _take_void(self, statement: Statement, place: int, past: int) -> None:
        """What counted for some, until they heard of a removal."""
        match statement.body:
            case AdmitBody(claim) | AdmitAnchorBody(claim) if self._claimed(claim, past):
                self._fall(claim.key, place, by_removal=True)
            case InviteBody(invite):
                self._void_invites.add(invite)
            case RekeyBody() as body:
                self._void_rekeys.append(Rekey.of(statement, body))

    def _take_recovery(
        self, statement: Statement, device: VerifyKey, place: int, past: int
    ) -> None:
        if statement.author != self._body.recovery:
            self._reject(statement, "it is not signed by the recovery key")
        elif not self._is_member(device, place, past):
            self._reject(statement, "it names no member")
        else:
            self.authority.add_recovery(device, statement, place, past)
            self._seat(device)

    def _is_member(self, device: VerifyKey, place: int, past: int) -> bool:
        """Whether a device, by whichever of its keys, is a member at these ancestors."""
        key = self.authority.latest(device, past)
        return self.authority.member(key, place, past, past) is not None

    def _take_removal(self, statement: Statement, place: int) -> None:
        removal = self._ruling.standing.get(place)
        if removal is None:
            self.voided |= 1 << place
            self._reject(statement, self._refusals.get(place, "its author had been removed"))
            return
        by = self.authority.right_to(removal)
        # None where it stands although a later one took away what it rested on.
        if by is not None:
            self.authority.count(by, place)

    def _take_succession(
        self, statement: Statement, body: SucceedBody, place: int, past: int
    ) -> None:
        """What its old key has lost the right to is void; until that is settled, it counts."""
        by = self.authority.member(statement.author, place, past)
        if by is not None or place in self._ruling.standing:
            self.authority.add_move(body.device, statement, place, by)
            self._people.succeed(statement, body)
            self._seat(body.device)
            removal = self._removed.get(statement.author)
            if removal is not None and not self._people.is_in(body.device):
                self._removed.setdefault(body.device, removal)  # which did not know of this key

    def _take_admit(
        self, statement: Statement, claim: JoinClaim | AnchorClaim, place: int, past: int
    ) -> None:
        key = claim.key
        by = self._right(statement, place, past)
        if by is None:
            return
        invitation = self._claimed(claim, past)
        if invitation is None:
            if claim.invite in self._void_invites:
                self._fall(key, place, by_removal=True)
            self._reject(statement, "it names no invite that came before it", key)
            return
        fault = self._fault(statement, claim, invitation, place, past)
        if fault:
            self._fall(key, place, by_removal=True)
            self._reject(statement, fault, key)
            return
        self.authority.count(by, place)
        self.authority.count_admission(key, place, invitation)
        if isinstance(claim, JoinClaim):
            self.authority.add_admission(key, place, invitation, by)
        if not invitation.wins(key):
            self._fall(key, place)
            what = invitation.body.role.value
            self._reject(statement, f"another {what} used the invite first", key)
        elif self._people.find(key) is None:
            self._let_in(statement, claim, invitation, place, past)

    def _claimed(self, claim: JoinClaim | AnchorClaim, past: int) -> Invitation | None:
        role = Role.DEVICE if isinstance(claim, JoinClaim) else Role.ANCHOR
        return self.authority.invitation(claim.invite, role, past)

    def _fault(
        self,
        statement: Statement,
        claim: JoinClaim | AnchorClaim,
        invitation: Invitation,
        place: int,
        past: int,
    ) -> str:
        """Why an admit that its author had the right to has no effect; empty if it has."""
        key = claim.key
        latest = invitation.body.expires + CLAIM_CLOCK_TOLERANCE_S
        if claim.claimed_at > latest or statement.unix_ms > latest * 1000:
            return "the invite had expired"
        inviter = invitation.statement.author
        if self._ruling.ends_member(key, place):
            if not self._ruling.ends_member(key, place, past):
                self.voided |= 1 << place
            return "its key had been revoked"
        if self._ruling.ends_key(key, place):
            if not self._ruling.ends_key(key, place, past):
                self.voided |= 1 << place
            return "its key had been replaced"
        if self._ruling.closes(claim.invite, inviter, place):
            if not self._ruling.closes(claim.invite, inviter, place, past):
                self.voided |= 1 << place
            return "the invite had been revoked"
        if invitation.body.terms.approval and not self.authority.admin(
            statement.author, place, past
        ):
            return "the invite wants an admin's approval"
        known = self._people.find(key)
        if isinstance(claim, AnchorClaim):
            return "its key is a device's" if isinstance(known, Device) else ""
        if isinstance(known, Anchor):
            return "its key is an anchor's"
        if self._people.has_succeeded(key):
            return "its key is the successor of another"
        if known is None and self._people.has_tunnel(claim.wireguard_key):
            return "its WireGuard key is another device's"
        return ""

    def _let_in(
        self,
        statement: Statement,
        claim: JoinClaim | AnchorClaim,
        invitation: Invitation,
        place: int,
        past: int,
    ) -> None:
        if isinstance(claim, AnchorClaim):
            self._people.let_anchor_in(statement, claim, invitation.statement.author)
            return
        key, terms = claim.device, invitation.body.terms
        self._people.let_in(statement, place, past, key, claim.wireguard_key, claim.name)
        if terms != NO_TERMS:
            self._people.edit(key, tags=terms.tags, ephemeral_s=terms.ephemeral_s)
        self._seat(key)

    def _seat(self, key: VerifyKey) -> None:
        """Make a device an admin if a grant stands."""
        grant = self.authority.grant_now(key)
        if grant is not None:
            self._people.seat(key, grant.statement)

    def _enforce(self, removal: Removal) -> None:
        if removal.sort is Sort.MEMBER or isinstance(removal.statement.body, SucceedBody):
            self._out |= 1 << removal.place
        for each in removal.targets:
            if removal.sort is Sort.MEMBER and isinstance(each, VerifyKey):
                self._removed.setdefault(each, removal)

    def _described(self, key: VerifyKey, removal: Removal) -> Removed:
        gone = self._people.gone.get(self._people.latest(key))
        return Removed(
            id=key.device_id,
            verify_key=key,
            name=gone.name if gone else "",
            by=removal.statement.author.device_id,
            removed_at=removal.statement.unix_ms // 1000,
            statement=removal.statement.hash,
        )

    def _fall(self, key: VerifyKey, place: int, *, by_removal: bool = False) -> None:
        """One that was admitted, and may have been given the secret, is not in."""
        if not self._people.is_in(key):
            self._out |= 1 << place
            self._fell_by_removal |= by_removal

    def _reject(self, statement: Statement, reason: str, key: VerifyKey | None = None) -> bool:
        device = None if key is None else key.device_id
        self._rejections.append(Rejection(statement.hash, device, reason))
        return False
