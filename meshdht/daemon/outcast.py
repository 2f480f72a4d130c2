"""What a device says that the log does not admit, or admits no more."""

from __future__ import annotations

from datetime import UTC, datetime

from meshdht.daemon.places import Places
from meshdht.errors import StateError
from meshdht.node.node import Node


def why_out(node: Node, places: Places) -> StateError | None:
    """Why this device is no member, and what to do; None if it is one."""
    if node.own is not None:
        return None
    network = places.network
    again = f"to join again, take a new link, and first: rm -r {places.directory}"
    removed = node.roster.removal(node.identity.signing.public)
    if removed is None:
        return StateError(
            f"network {network!r} does not admit this device: another one used its invite first",
            again,
        )
    moment = f"{datetime.fromtimestamp(removed.removed_at, UTC):%Y-%m-%d %H:%M} UTC"
    if removed.by == node.identity.device:
        return StateError(f"this device left network {network!r} on {moment}", again)
    by = node.roster.device(removed.by)
    who = by.name if by is not None else "an admin"
    return StateError(
        f"this device was revoked from network {network!r} by {who} on {moment}",
        again,
    )
