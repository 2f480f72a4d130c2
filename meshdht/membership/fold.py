"""The fold: from a log to its roster, a pure function of the set of statements.

Statements are taken by (depth, hash): parents first, ties by hash. A statement's place depends
on its ancestors alone, so that the order of arrival changes nothing.

Authority is judged at a statement's causal ancestors, whatever else is in the log:

- the genesis's author is a member and an admin from the start;
- an invite counts if its author is an admin there;
- an admit, of a device or an anchor, counts if its author is a member there, an invite for that
  role counts and is an ancestor, and claim and statement are dated before the invite's expiry;
- a rekey counts if its author is an admin there; of those that count, the last with the greatest
  number began the current generation;
- a device is a member there if an admit of it that counts is among the ancestors, and is within
  the uses of its invite when the admits among the ancestors alone are taken.

Of the admits that count, an invite's first ``uses`` devices (or anchors) in the order above are in
the roster; so two that raced for one use are settled the same way everywhere, and the loser's
own deeds from before it could know stand. A device admitted twice counts once. No key is
both a device and an anchor: the first in the order above stands. An anchor has no authority.

A set of ancestors is the bits of an int: the whole costs n log n steps, each of which moves at
most n bits.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from meshdht.crypto.keys import DeviceId, InvitePublicKey, VerifyKey, WireGuardPublicKey
from meshdht.errors import StateError
from meshdht.limits import CLAIM_CLOCK_TOLERANCE_S, ROSTERS_REMEMBERED
from meshdht.membership.addresses import AddressTable, ipv6_address
from meshdht.membership.administration import RekeyBody
from meshdht.membership.anchor_claims import AnchorClaim
from meshdht.membership.claims import JoinClaim
from meshdht.membership.log import MembershipLog
from meshdht.membership.names import NameTable
from meshdht.membership.roster import (
    Anchor,
    Device,
    DeviceIndex,
    Invite,
    Rejection,
    Rekey,
    Roster,
)
from meshdht.membership.statements import (
    AdmitAnchorBody,
    AdmitBody,
    GenesisBody,
    InviteBody,
    Role,
    Statement,
    StatementHash,
    UnknownBody,
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


fold = Folder().fold
"""A roster depends on its log alone, so that all may share what is remembered."""


class _Ancestry:
    """The ancestors of each statement as a set of bits, one a place in the order of the fold."""

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

    def enter(self, statement: Statement) -> tuple[int, int]:
        """The place of the next statement, and its ancestors."""
        past = 0
        for parent in statement.parents:
            past |= self._pasts[parent] | 1 << self._places[parent]
            self._children_left[parent] -= 1
            if not self._children_left[parent]:
                # Kept no longer than needed: all of them together would be n² bits.
                del self._pasts[parent], self._children_left[parent]
        place = self._places[statement.hash] = len(self._places)
        self._pasts[statement.hash] = past
        return place, past


@dataclass(slots=True)
class _Invitation:
    """An invite that counts, and the admits that count for it, in order."""

    statement: Statement
    body: InviteBody
    place: int
    admits: list[tuple[int, VerifyKey]] = field(default_factory=list)
    winners: dict[VerifyKey, DeviceId] = field(default_factory=dict)
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


def _begin(log: MembershipLog) -> _Fold:
    genesis = log.genesis
    if genesis is None or not isinstance(genesis.body, GenesisBody):
        raise StateError(
            "the membership log lacks its first statement", "join again with a new link"
        )
    return _Fold(genesis, genesis.body)


class _Fold:
    def __init__(self, genesis: Statement, body: GenesisBody) -> None:
        self._genesis = genesis
        self._body = body
        self._names = NameTable()
        self._anchor_names = NameTable()
        self._addresses = AddressTable(body.ipv4_range)
        self._anchors: dict[VerifyKey, Anchor] = {}
        self._devices: dict[VerifyKey, Device] = {}
        self._wireguard_keys: set[WireGuardPublicKey] = set()
        self._invitations: list[_Invitation] = []
        self._by_invite_key: dict[InvitePublicKey, list[_Invitation]] = {}
        self._admissions: dict[VerifyKey, list[tuple[int, _Invitation]]] = {}
        self._rejections: list[Rejection] = []
        self._newer: list[StatementHash] = []
        self._rekey: Rekey | None = None
        self._index = DeviceIndex()
        self._ancestry = _Ancestry()
        self._last: tuple[int, StatementHash] | None = None

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
            place, past = self._ancestry.enter(statement)
            self._take(statement, place, past)
        self._last = last
        return True

    def _take(self, statement: Statement, place: int, past: int) -> None:
        """Judge one statement at its ancestors."""
        match statement.body:
            case GenesisBody() as body:
                self._let_in(statement, statement.author, body.wireguard_key, body.device_name)
            case InviteBody() as body:
                self._take_invite(statement, body, place)
            case AdmitBody(claim):
                self._take_admit(statement, claim, place, past)
            case AdmitAnchorBody(anchor_claim):
                self._take_anchor(statement, anchor_claim, past)
            case RekeyBody() as body:
                self._take_rekey(statement, body)
            case UnknownBody():
                if self._is_member(statement.author, past):
                    self._newer.append(statement.hash)
                else:
                    self._reject(statement, None, "its author was no member")

    def roster(self) -> Roster:
        invites = tuple(
            Invite(
                hash=each.statement.hash,
                key=each.body.invite,
                author=each.statement.author.device_id,
                expires=each.body.expires,
                uses=each.body.uses,
                suggested_name=each.body.suggested_name,
                role=each.body.role,
                claimed_by=tuple(each.winners.values()),
            )
            for each in self._invitations
        )
        return Roster(
            network=self._genesis.network_id,
            network_name=self._body.network_name,
            ipv4_range=self._body.ipv4_range,
            devices=tuple(self._devices.values()),
            invites=invites,
            rejections=tuple(self._rejections),
            newer=tuple(self._newer),
            anchors=tuple(self._anchors.values()),
            rekey=self._rekey,
            _index=DeviceIndex(self._index),
        )

    def _take_invite(self, statement: Statement, body: InviteBody, place: int) -> None:
        if statement.author != self._genesis.author:
            self._reject(statement, None, "its author was no admin")
            return
        invitation = _Invitation(statement, body, place)
        self._invitations.append(invitation)
        self._by_invite_key.setdefault(body.invite, []).append(invitation)

    def _take_rekey(self, statement: Statement, body: RekeyBody) -> None:
        if statement.author != self._genesis.author:
            self._reject(statement, None, "its author was no admin")
            return
        # Later in the order of the fold goes before at the same number.
        if self._rekey is None or body.generation >= self._rekey.generation:
            self._rekey = Rekey(
                hash=statement.hash,
                generation=body.generation,
                commitment=body.commitment,
                author=statement.author.device_id,
                written_at=statement.unix_ms // 1000,
            )

    def _take_admit(self, statement: Statement, claim: JoinClaim, place: int, past: int) -> None:
        device = claim.device
        invitation = self._claimed(statement, claim, device, Role.DEVICE, past)
        if invitation is None:
            return
        known = device in self._devices
        if not known and self._clashes(claim):
            self._reject(statement, device.device_id, "its WireGuard key is another device's")
            return
        if device in self._anchors:
            self._reject(statement, device.device_id, "its key is an anchor's")
            return
        invitation.admits.append((place, device))
        self._admissions.setdefault(device, []).append((place, invitation))
        if self._wins(statement, invitation, device) and not known:
            self._let_in(statement, device, claim.wireguard_key, claim.name)

    def _take_anchor(self, statement: Statement, claim: AnchorClaim, past: int) -> None:
        anchor = claim.anchor
        invitation = self._claimed(statement, claim, anchor, Role.ANCHOR, past)
        if invitation is None:
            return
        if anchor in self._devices:
            self._reject(statement, anchor.device_id, "its key is a device's")
            return
        if self._wins(statement, invitation, anchor) and anchor not in self._anchors:
            self._anchors[anchor] = Anchor(
                id=anchor.device_id,
                verify_key=anchor,
                name=self._anchor_names.take(claim.name),
                added_by=invitation.statement.author.device_id,
                admitted_at=statement.unix_ms // 1000,
            )

    def _claimed(
        self,
        statement: Statement,
        claim: JoinClaim | AnchorClaim,
        key: VerifyKey,
        role: Role,
        past: int,
    ) -> _Invitation | None:
        """The invite by which an admit of ``key`` counts; None if it does not."""
        if not self._is_member(statement.author, past):
            self._reject(statement, key.device_id, "its author was no member")
            return None
        invitation = self._invitation(claim.invite, role, past)
        if invitation is None:
            self._reject(statement, key.device_id, "it names no invite that came before it")
            return None
        latest = invitation.body.expires + CLAIM_CLOCK_TOLERANCE_S
        if claim.claimed_at > latest or statement.unix_ms > latest * 1000:
            self._reject(statement, key.device_id, "the invite had expired")
            return None
        return invitation

    def _invitation(self, key: InvitePublicKey, role: Role, past: int) -> _Invitation | None:
        for invitation in self._by_invite_key.get(key, ()):
            if past >> invitation.place & 1 and invitation.body.role is role:
                return invitation
        return None

    def _wins(self, statement: Statement, invitation: _Invitation, key: VerifyKey) -> bool:
        """Whether ``key`` is within the uses of the invite, in the order of the fold."""
        if key not in invitation.winners:
            if len(invitation.winners) == invitation.body.uses:
                invitation.overrun = True
                what = invitation.body.role.value
                self._reject(statement, key.device_id, f"another {what} used the invite first")
                return False
            invitation.winners[key] = key.device_id
        return True

    def _is_member(self, author: VerifyKey, past: int) -> bool:
        if author == self._genesis.author:
            return True
        return any(
            past >> place & 1 and invitation.wins_at(author, past)
            for place, invitation in self._admissions.get(author, ())
        )

    def _clashes(self, claim: JoinClaim) -> bool:
        """Two devices with one tunnel key could not be told apart by WireGuard."""
        return claim.wireguard_key in self._wireguard_keys

    def _let_in(
        self,
        statement: Statement,
        device: VerifyKey,
        wireguard_key: WireGuardPublicKey,
        name: str,
    ) -> None:
        self._wireguard_keys.add(wireguard_key)
        admitted = self._devices[device] = Device(
            id=device.device_id,
            verify_key=device,
            wireguard_key=wireguard_key,
            name=self._names.take(name),
            ipv4=self._addresses.take(device),
            ipv6=ipv6_address(self._genesis.network_id, device),
            admin=statement.is_genesis,
            admitted_at=statement.unix_ms // 1000,
            admission=statement.hash,
        )
        self._index.add(admitted)

    def _reject(self, statement: Statement, device: DeviceId | None, reason: str) -> None:
        self._rejections.append(Rejection(statement.hash, device, reason))
