"""How this device says something of a device, an invite or itself, by a statement in the log."""

from __future__ import annotations

from meshdht.errors import StateError
from meshdht.membership.administration import AdministrationBody
from meshdht.membership.invites import write_act
from meshdht.node.node import Node


async def act(node: Node, body: AdministrationBody) -> None:
    """Write a statement, and tell it to the connected devices; returns once it is on disk.

    Whether this device has the right to it is the caller's to know: without, it has no effect.
    Raises StateError if this device is no member, or the disk refuses.
    """
    own = node.own
    if own is None:
        raise StateError("this device is not a member of the network", "join again with a new link")
    statement = write_act(
        node.holdings.log,
        own,
        node.identity.signing,
        body,
        unix_ms=int(node.time.unix() * 1000),
    )
    await node.write_down(statement)
