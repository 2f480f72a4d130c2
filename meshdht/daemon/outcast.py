"""What a device says that the log does not admit, or admits no more."""

from __future__ import annotations

from datetime import UTC, datetime

from meshdht.daemon.places import Places
from meshdht.errors import StateError
from meshdht.membership.statements import AdmitBody
from meshdht.node.node import Node


def why_out(node: Node, places: Places) -> StateError | None:
    """Why this device is no member, and what to do; None if it is one."""
    if node.own is not None:
        return None
    network = places.network
    again = f"to join again, take a new link, and first: rm -r {places.directory}"
    removed = node.roster.removal(node.identity.signing.public)
    if removed is None:
        return StateError(f"network {network!r} does not admit this device: {_why(node)}", again)
    moment = f"{datetime.fromtimestamp(removed.removed_at, UTC):%Y-%m-%d %H:%M} UTC"
    if removed.by == node.identity.device:
        return StateError(f"this device left network {network!r} on {moment}", again)
    by = node.roster.device(removed.by)
    who = by.name if by is not None else "an admin"
    return StateError(
        f"this device was revoked from network {network!r} by {who} on {moment}",
        again,
    )


def _why(node: Node) -> str:
    """Why the admission of this device has no effect."""
    roster, own = node.roster, node.identity.device
    rejected = [each for each in roster.rejections if each.device == own]
    for rejection in rejected:
        body = node.holdings.log[rejection.hash].body
        invite = roster.invite(body.claim.invite) if isinstance(body, AdmitBody) else None
        if invite is not None and invite.is_used_up:
            winners = ", ".join(roster.name_of(each) for each in invite.claimed_by)
            return f"{winners} used the invite first, while the network was in two parts"
    return rejected[-1].reason if rejected else "its log lacks the admission"
