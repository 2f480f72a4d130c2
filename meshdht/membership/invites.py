"""Inviting, judging a claim, admitting: what a member does with the log when a device joins."""

from __future__ import annotations

from enum import StrEnum

from meshdht.crypto.keys import InvitePublicKey, SigningKey, WireGuardPublicKey
from meshdht.errors import BadSignature, Refused
from meshdht.limits import CLAIM_CLOCK_TOLERANCE_S
from meshdht.membership.administration import AdministrationBody
from meshdht.membership.anchor_claims import AnchorClaim
from meshdht.membership.claims import JoinClaim
from meshdht.membership.log import MembershipLog
from meshdht.membership.names import label_fault
from meshdht.membership.roster import Device, Invite, Roster
from meshdht.membership.statements import (
    NO_NETWORK,
    NO_TERMS,
    AdmitAnchorBody,
    AdmitBody,
    GenesisBody,
    InviteBody,
    Role,
    Statement,
    Terms,
    sign_statement,
    sign_succession,
)


class Refusal(StrEnum):
    """Why a claim is refused; the text reaches the joiner."""

    BAD_SIGNATURE = (
        "the claim's signatures do not verify: the link is altered or of another network"
    )
    UNKNOWN_INVITE = "this member does not know the invite (yet): another one may"
    EXPIRED = "the invite has expired: ask for a new link"
    DATED_LATER = "the claim is dated after the invite's expiry: set the joining machine's clock"
    USED_UP = "the invite is used up: ask for a new link"
    BAD_NAME = "the name asked for is not a DNS label"
    TAKEN_KEY = "the WireGuard key is another device's: join with fresh keys"
    REVOKED_INVITE = "the invite was revoked: ask for a new link"
    REPLACED_KEY = "this device goes on by other keys: join with fresh ones"
    REVOKED_KEY = "this device was removed from the network: join with fresh keys"
    APPROVAL = "an admin must approve this device first"
    DENIED = "an admin refused this device"
    CROWDED = "too many devices wait for approval already: ask again later"
    OTHER_ROLE = "the key is known in another role, device or anchor: use a fresh one"


def write_genesis(body: GenesisBody, *, author: SigningKey, unix_ms: int) -> Statement:
    """Found a network; its id is the statement's ``network_id``."""
    return sign_statement(body, network=NO_NETWORK, author=author, parents=(), unix_ms=unix_ms)


def write_invite(
    log: MembershipLog,
    author: Device,
    signing_key: SigningKey,
    *,
    key: InvitePublicKey,
    expires: int,
    uses: int = 1,
    suggested_name: str = "",
    role: Role = Role.DEVICE,
    terms: Terms = NO_TERMS,
    unix_ms: int,
) -> Statement:
    """Invite in the name of ``author`` (an admin, or it has no effect); not yet in the log."""
    return sign_statement(
        InviteBody(key, expires, uses, suggested_name, role, terms),
        network=log.network,
        author=signing_key,
        parents=log.parents_for(*author.authority),
        unix_ms=unix_ms,
    )


def write_act(
    log: MembershipLog,
    author: Device,
    signing_key: SigningKey,
    body: AdministrationBody,
    *,
    unix_ms: int,
) -> Statement:
    """Write one of the statements of administration.py; not yet in the log."""
    return sign_statement(
        body,
        network=log.network,
        author=signing_key,
        parents=log.parents_for(*author.authority),
        unix_ms=unix_ms,
    )


def write_succession(
    log: MembershipLog,
    device: Device,
    signing_key: SigningKey,
    *,
    successor: SigningKey,
    wireguard_key: WireGuardPublicKey,
    unix_ms: int,
) -> Statement:
    """Have a device, whose key is ``signing_key``, go on by fresh keys; not yet in the log."""
    return sign_succession(
        wireguard_key,
        network=log.network,
        author=signing_key,
        successor=successor,
        parents=log.parents_for(*device.authority),
        unix_ms=unix_ms,
    )


def verify_claim(
    roster: Roster, claim: JoinClaim, unix: float, *, approved: bool = False
) -> Invite:
    """The invite by which a claim is good now; raises Refused with a ``Refusal``.

    ``approved`` says that an admin is the judge, and said yes to this device.

    A device that is a member already gets its invite back, whatever became of it since: hand it
    the secret again, and write no second statement (``roster.device(claim.device)`` has the first).
    """
    try:
        claim.verify(roster.network)
    except BadSignature:
        raise Refused(Refusal.BAD_SIGNATURE) from None
    invite = roster.invite(claim.invite)
    if invite is None:
        raise Refused(Refusal.UNKNOWN_INVITE)
    if roster.device(claim.device) is not None:
        return invite
    _refuse_spent(roster, invite, claim, unix)
    if invite.terms.approval and not approved:
        raise Refused(Refusal.APPROVAL)
    if roster.device(claim.wireguard_key) is not None:
        raise Refused(Refusal.TAKEN_KEY)
    if roster.anchor(claim.device) is not None:
        raise Refused(Refusal.OTHER_ROLE)
    return invite


def verify_anchor_claim(roster: Roster, claim: AnchorClaim, unix: float) -> Invite:
    """The invite by which an anchor's claim is good now; as ``verify_claim``."""
    try:
        claim.verify()
    except BadSignature:
        raise Refused(Refusal.BAD_SIGNATURE) from None
    invite = roster.invite(claim.invite, Role.ANCHOR)
    if invite is None:
        raise Refused(Refusal.UNKNOWN_INVITE)
    if roster.anchor(claim.anchor) is not None:
        return invite
    _refuse_spent(roster, invite, claim, unix)
    if roster.device(claim.anchor) is not None:
        raise Refused(Refusal.OTHER_ROLE)
    return invite


def _refuse_spent(
    roster: Roster, invite: Invite, claim: JoinClaim | AnchorClaim, unix: float
) -> None:
    """Raise Refused if the invite lets nobody in any more, or not this key or by this name."""
    if roster.removal(claim.key) is not None:
        raise Refused(Refusal.REVOKED_KEY)
    if roster.successor(claim.key) is not None:
        raise Refused(Refusal.REPLACED_KEY)
    if invite.revoked:
        raise Refused(Refusal.REVOKED_INVITE)
    # By the judging member's clock, to the second; the tolerance is for clocks that disagree.
    if unix > invite.expires:
        raise Refused(Refusal.EXPIRED)
    if claim.claimed_at > invite.expires + CLAIM_CLOCK_TOLERANCE_S:
        raise Refused(Refusal.DATED_LATER)
    if invite.is_used_up:
        raise Refused(Refusal.USED_UP)
    if label_fault(claim.name):
        raise Refused(Refusal.BAD_NAME)


def write_admit(
    log: MembershipLog,
    author: Device,
    signing_key: SigningKey,
    *,
    claim: JoinClaim | AnchorClaim,
    invite: Invite,
    unix_ms: int,
) -> Statement:
    """Admit the device or the anchor of a claim that was found good; not yet in the log."""
    body = AdmitBody(claim) if isinstance(claim, JoinClaim) else AdmitAnchorBody(claim)
    return sign_statement(
        body,
        network=log.network,
        author=signing_key,
        parents=log.parents_for(invite.hash, *author.authority),
        unix_ms=unix_ms,
    )
