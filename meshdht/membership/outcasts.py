"""What proves to a device that it is out, when it was off while that was decided.

Whoever is out is not to learn what the network has done since. So it gets statements that it can
judge by the log it has, without what they build on:

- its revocation, with the grants by which their author is an admin, each by the key of the next,
  up to one by an admin that the device knows, or by the recovery key;
- or the succession by which its key went on as another one;
- or, if others used its invite first, the statements that admitted those, by members that it knows.

Whose word counts here is an admin, or a member that holds the invite's key, to the device anyway:
it could write the same upon the log that the device has, and be believed. So nobody gains a power.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId, NetworkId, VerifyKey
from meshdht.errors import RemoteError
from meshdht.membership.administration import (
    GrantAdminBody,
    LeaveBody,
    RecoverBody,
    RevokeBody,
    SucceedBody,
)
from meshdht.membership.log import MembershipLog
from meshdht.membership.roster import Device, Roster
from meshdht.membership.statements import AdmitBody, GenesisBody, Statement, decode_statement

# A revocation and the grants above it, or the admissions of who came first.
STATEMENTS = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a device is out."""

    by: DeviceId | None
    """Who revoked it: itself, if it left or goes on by other keys. None if others used its
    invite first."""
    at: int
    """Unix seconds, by the clock of who wrote it."""
    winners: tuple[str, ...] = ()
    """The names that those others asked for."""
    heir: DeviceId | None = None
    """The id by which it goes on."""


def outcasts(log: MembershipLog, roster: Roster) -> dict[DeviceId, VerifyKey]:
    """The devices that are out, and can be told why."""
    found = {each.id: each.verify_key for each in roster.removed}
    for succession in roster.successions:
        found.setdefault(succession.old.device_id, succession.old)
    for rejection in roster.rejections:
        body = log[rejection.hash].body
        if isinstance(body, AdmitBody) and body.claim.device.device_id not in roster:
            invite = roster.invite(body.claim.invite)
            if invite is not None and invite.is_used_up:
                found.setdefault(body.claim.device.device_id, body.claim.device)
    return found


def evidence(log: MembershipLog, roster: Roster, key: VerifyKey) -> list[bytes]:
    """What to tell a device that is out: the nearest first, as one of ``outcasts``."""
    removal = roster.removal(key)
    if removal is not None:
        statement = log[removal.statement]
        return [statement.raw, *(each.raw for each in _grants(log, roster, statement.author))]
    for succession in roster.successions:
        if succession.old == key:
            return [log[succession.hash].raw]
    invites = {
        body.claim.invite
        for rejection in roster.rejections
        if isinstance(body := log[rejection.hash].body, AdmitBody) and body.claim.device == key
    }
    winners = {
        winner
        for invite in invites
        if (known := roster.invite(invite)) is not None
        for winner in known.claimed_by
    }
    admissions = [each.admission for each in roster if each.id in winners]
    return [log[each].raw for each in admissions[:STATEMENTS]]


def _grants(log: MembershipLog, roster: Roster, key: VerifyKey) -> Iterator[Statement]:
    """By what a key is an admin, and by what the author of that is."""
    for _ in range(STATEMENTS - 1):
        device = roster.device(key)
        if device is None or device.granted is None or log[device.granted].is_genesis:
            return
        grant = log[device.granted]
        yield grant
        key = grant.author


def judge(
    log: MembershipLog, roster: Roster, own: Device, statements: Sequence[bytes]
) -> Verdict | None:
    """Whether statements that the log could not take, since it lacks what they build on, prove to
    a member that it is out."""
    genuine = list(_genuine(log.network, statements))
    for statement in genuine:
        body, author = statement.body, statement.author
        if isinstance(body, SucceedBody) and author == own.verify_key:
            at = statement.unix_ms // 1000
            return Verdict(author.device_id, at, heir=body.device.device_id)
        left = isinstance(body, LeaveBody) and author == own.verify_key
        revoked = isinstance(body, RevokeBody) and body.key == own.verify_key
        if left or (revoked and _is_admin(log, roster, author, genuine)):
            return Verdict(author.device_id, statement.unix_ms // 1000)
    return _lost_race(log, roster, own, genuine)


def hold_out(log: MembershipLog, own: Device, statements: Sequence[bytes]) -> bool:
    """Whether statements revoke a member by which one is in the log, and by that counts for
    nothing: whoever tells them holds it for out, and does not know better."""
    return any(
        statement.hash in log
        and isinstance(statement.body, RevokeBody)
        and statement.body.key == own.verify_key
        for statement in _genuine(log.network, statements)
    )


def _genuine(network: NetworkId, statements: Iterable[bytes]) -> Iterator[Statement]:
    for raw in list(statements)[:STATEMENTS]:
        try:
            statement = decode_statement(raw)
            if statement.network_id == network:
                statement.verify()
                yield statement
        except RemoteError:
            continue


def _is_admin(
    log: MembershipLog, roster: Roster, key: VerifyKey, grants: Sequence[Statement]
) -> bool:
    """Whether a key is an admin's by the roster, or by these grants on top of it."""
    genesis = log.genesis
    recovery = genesis.body.recovery if genesis and isinstance(genesis.body, GenesisBody) else None
    for _ in range(STATEMENTS):
        device = roster.device(key)
        if device is not None and device.admin:
            return True
        granted = next(
            (
                each
                for each in grants
                if isinstance(each.body, GrantAdminBody | RecoverBody) and each.body.device == key
            ),
            None,
        )
        if granted is None:
            return False
        if isinstance(granted.body, RecoverBody):
            return granted.author == recovery
        key = granted.author
    return False


def _lost_race(
    log: MembershipLog, roster: Roster, own: Device, admissions: Sequence[Statement]
) -> Verdict | None:
    admission = log[own.admission]
    if not isinstance(admission.body, AdmitBody):
        return None
    invite = roster.invite(admission.body.claim.invite)
    if invite is None:
        return None
    others = {each for each in invite.claimed_by if each != own.id}
    winners: dict[DeviceId, str] = {}
    latest = 0
    for each in admissions:
        body = each.body
        if (
            isinstance(body, AdmitBody)
            and body.claim.invite == invite.key
            and body.claim.device != own.verify_key
            and roster.device(each.author) is not None
        ):
            winners[body.claim.device.device_id] = body.claim.name
            latest = max(latest, each.unix_ms // 1000)
    if not winners or len(others | winners.keys()) < invite.uses:
        return None
    return Verdict(None, latest, tuple(winners.values()))
