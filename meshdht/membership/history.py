"""The log as people read it: who did what, when, signed by which key, and whether it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from meshdht.crypto.keys import DeviceId, InvitePublicKey, VerifyKey
from meshdht.membership.administration import (
    ExpireBody,
    GrantAdminBody,
    LeaveBody,
    NameBody,
    RecoverBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    RetireBody,
    RevokeBody,
    RevokeInviteBody,
    SucceedBody,
    TagBody,
)
from meshdht.membership.log import MembershipLog
from meshdht.membership.roster import Roster
from meshdht.membership.statements import (
    AdmitAnchorBody,
    AdmitBody,
    Body,
    GenesisBody,
    InviteBody,
    Role,
    StatementHash,
    UnknownBody,
)
from meshdht.spans import age_text


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement."""

    hash: StatementHash
    written_at: float
    """Unix seconds, by the author's clock, which nobody vouches for."""
    author: VerifyKey
    author_name: str
    """Its name then, or its id if it never had one."""
    deed: str
    """What it says, with names as they were then: "revoked phone"."""
    about: DeviceId | None
    """The device or anchor that it is about, if it is about one."""
    reason: str
    """Why it has no effect; empty if it counts."""

    @property
    def counts(self) -> bool:
        return not self.reason


def history(log: MembershipLog, roster: Roster) -> tuple[Entry, ...]:
    """All statements in the order of the fold; ``roster`` is the log's."""
    reasons = {each.hash: each.reason for each in roster.rejections}
    renames = {each.hash: each for each in roster.renames}
    names = _names(roster)
    if log.genesis is not None and isinstance(log.genesis.body, GenesisBody):
        names[log.genesis.body.recovery] = ["the recovery key"]
    entries = []
    for statement in sorted(log, key=lambda each: (log.depth(each.hash), each.hash)):
        about = _about(statement.body)
        entries.append(
            Entry(
                hash=statement.hash,
                written_at=statement.unix_ms / 1000,
                author=statement.author,
                author_name=_name(names, statement.author),
                deed=_deed(statement.body, names),
                about=about.device_id if about else None,
                reason=reasons.get(statement.hash, ""),
            )
        )
        if (rename := renames.get(statement.hash)) is not None:
            names[rename.device].pop()
    return tuple(entries)


def _names(roster: Roster) -> dict[VerifyKey, list[str]]:
    """The names that each key has had, the last one first."""
    names = {each.verify_key: [each.name] for each in roster.removed if each.name}
    names |= {each.verify_key: [each.name] for each in roster.anchors}
    names |= {each.verify_key: [each.name] for each in roster.devices}
    for succession in reversed(roster.successions):
        # One device, one list of names.
        names[succession.old] = names.setdefault(succession.new, [])
    for rename in reversed(roster.renames):
        names.setdefault(rename.device, []).append(rename.was)
    return names


def _name(names: dict[VerifyKey, list[str]], key: VerifyKey) -> str:
    had = names.get(key)
    return had[-1] if had else str(key.device_id)


def _about(body: Body) -> VerifyKey | None:
    match body:
        case AdmitBody(claim=claim):
            return claim.device
        case AdmitAnchorBody(claim=anchor_claim):
            return anchor_claim.anchor
        case RevokeBody(key):
            return key
        case GrantAdminBody() | RemoveAdminBody() | RecoverBody():
            return body.device
        case RenameBody() | TagBody() | ExpireBody():
            return body.device
        case SucceedBody() | RetireBody():
            return body.device
    return None


def _deed(body: Body, names: dict[VerifyKey, list[str]]) -> str:
    key = _about(body)
    who = "" if key is None else _name(names, key)
    match body:
        case GenesisBody(network_name):
            return f"founded the network {network_name}"
        case InviteBody():
            return _invited(body)
        case AdmitBody():
            return f"admitted {who}"
        case AdmitAnchorBody():
            return f"admitted the anchor {who}"
        case GrantAdminBody() | RecoverBody():
            return f"made {who} an admin"
        case RemoveAdminBody():
            return f"took admin from {who}"
        case RevokeBody():
            return f"revoked {who}"
        case LeaveBody():
            return "left"
        case SucceedBody(device):
            return f"replaced its keys (now {device.device_id})"
        case RetireBody():
            return f"retired the old key of {who}"
        case RenameBody(_, name):
            return f"renamed {who} to {name}"
        case TagBody(_, tags):
            return f"tagged {who} {', '.join(tags)}" if tags else f"took all tags from {who}"
        case ExpireBody(_, expires):
            return f"let {who} expire on {_moment(expires)}" if expires else f"let {who} stay"
        case RevokeInviteBody(invite):
            return f"revoked the invite {_short(invite)}"
        case NameBody(name, targets):
            leads = ", ".join(str(each.value) for each in targets)
            return f"had {name} stand for {leads}" if leads else f"took the name {name} away"
        case RekeyBody(generation):
            return f"began generation {generation}"
        case UnknownBody(kind):
            return f"wrote what a newer version knows (kind {kind})"


def _invited(body: InviteBody) -> str:
    what = "a device" if body.role is Role.DEVICE else "an anchor"
    if body.uses > 1:
        what = f"up to {body.uses} {body.role.value}s"
    called = f" as {body.suggested_name}" if body.suggested_name else ""
    terms = body.terms
    on = [f"tagged {', '.join(terms.tags)}"] if terms.tags else []
    on += [f"out after {age_text(terms.ephemeral_s)} offline"] if terms.ephemeral_s else []
    on += ["by approval"] if terms.approval else []
    return f"invited {what}{called} ({', '.join([f'invite {_short(body.invite)}', *on])})"


def _moment(unix: int) -> str:
    """A moment in UTC; a year that no calendar has is left as a number."""
    try:
        return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{unix} s"


def _short(invite: InvitePublicKey) -> str:
    return invite.raw[:4].hex()
