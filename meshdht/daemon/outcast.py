"""What a device says that the log does not admit, or admits no more."""

from __future__ import annotations

from datetime import UTC, datetime

from meshdht.crypto.keys import DeviceId
from meshdht.daemon.places import Places
from meshdht.errors import NoMember
from meshdht.membership.outcasts import Verdict
from meshdht.membership.statements import AdmitBody
from meshdht.node.node import Node


def why_out(node: Node, places: Places) -> NoMember | None:
    """Why this device is no member, and what to do; None if it is one."""
    if node.own is not None:
        return None
    network, again = places.network, _again(places)
    key = node.identity.signing.public
    removed = node.roster.removal(key)
    if removed is None and (heir := node.roster.successor(key)) is not None:
        return _replaced(network, heir.device_id, again)
    if removed is None:
        return NoMember(f"network {network!r} does not admit this device: {_why(node)}", again)
    return NoMember(_removed(node, network, removed.by, removed.removed_at), again)


def told_out(node: Node, places: Places, verdict: Verdict) -> NoMember:
    """What a device says that was off when it was put out, and has heard of it from a member."""
    network = places.network
    if verdict.heir is not None:
        return _replaced(network, verdict.heir, _again(places))
    if verdict.by is None:
        winners = ", ".join(verdict.winners)
        what = f"network {network!r} does not admit this device: {_raced(winners)}"
    else:
        what = _removed(node, network, verdict.by, verdict.at)
    return NoMember(f"{what}, while it was off", _again(places))


def _again(places: Places) -> str:
    return f"to join again, take a new link, and first: meshdht forget --network {places.network}"


def _replaced(network: str, heir: DeviceId, again: str) -> NoMember:
    return NoMember(
        f"the keys of this device in network {network!r} were replaced by others, which {heir} has",
        f"if that is not yours, have an admin revoke it; {again}",
    )


def _removed(node: Node, network: str, by: DeviceId, unix: int) -> str:
    moment = f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M} UTC"
    if by == node.identity.device:
        return f"this device left network {network!r} on {moment}"
    known = node.roster.device(by)
    who = known.name if known is not None else "an admin"
    return f"this device was revoked from network {network!r} by {who} on {moment}"


def _raced(winners: str) -> str:
    return f"{winners} used the invite first, while the network was in two parts"


def _why(node: Node) -> str:
    """Why the admission of this device has no effect."""
    roster, own = node.roster, node.identity.device
    rejected = [each for each in roster.rejections if each.device == own]
    for rejection in rejected:
        body = node.holdings.log[rejection.hash].body
        invite = roster.invite(body.claim.invite) if isinstance(body, AdmitBody) else None
        if invite is not None and invite.is_used_up:
            winners = ", ".join(roster.name_of(each) for each in invite.claimed_by)
            return _raced(winners)
    return rejected[-1].reason if rejected else "its log lacks the admission"
