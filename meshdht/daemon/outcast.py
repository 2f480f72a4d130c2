"""What a device says that the log does not admit, or admits no more."""

from __future__ import annotations

from datetime import UTC, datetime

from meshdht.errors import StateError
from meshdht.node.node import Node


def why_out(node: Node, network: str) -> StateError | None:
    """Why this device is no member, and what to do; None if it is one."""
    if node.own is not None:
        return None
    removed = node.roster.removal(node.identity.signing.public)
    if removed is None:
        return StateError(
            f"network {network!r} does not admit this device: another one used its invite first",
            "join again with a new link",
        )
    moment = f"{datetime.fromtimestamp(removed.removed_at, UTC):%Y-%m-%d %H:%M} UTC"
    if removed.by == node.identity.device:
        return StateError(
            f"this device left network {network!r} on {moment}", "join again with a new link"
        )
    by = node.roster.device(removed.by)
    who = by.name if by is not None else "an admin"
    return StateError(
        f"this device was revoked from network {network!r} by {who} on {moment}",
        "it may come back by a new link, as a new device",
    )
